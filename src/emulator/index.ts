export { startLocalCloud, type LocalCloud, type LocalCloudOptions } from './local-cloud.ts'
export { LocalCloudError } from './local-cloud-error.ts'
