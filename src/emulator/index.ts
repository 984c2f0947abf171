export { startLocalCloud, type LocalCloud, type LocalCloudOptions } from './local-cloud.ts'
export { catchTheRest } from './last-resort.ts'
export { LocalCloudError } from './local-cloud-error.ts'
