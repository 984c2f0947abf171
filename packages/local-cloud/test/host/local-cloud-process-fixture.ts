import { startLocalCloud } from '../../src/host/local-cloud.ts'

/** A separate program for tests that kill it: starts a local cloud in the folder given as the first argument. */
const [dataDir = ''] = process.argv.slice(2)
const cloud = await startLocalCloud({ dataDir, allServicesEnabled: true })
console.log(JSON.stringify(cloud.locator))
await cloud.stopped
