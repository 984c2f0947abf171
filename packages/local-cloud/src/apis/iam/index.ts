export { Authorizer } from './authorizer.ts'
export type { PolicySource } from './authorizer.ts'
export { Iam, type IamOptions } from './iam.ts'
