export { startLocalCloud, type LocalCloud, type LocalCloudOptions } from './host/local-cloud.ts'
export { installLastResort } from './host/last-resort.ts'
export { LocalCloudError } from './kernel/local-cloud-error.ts'
