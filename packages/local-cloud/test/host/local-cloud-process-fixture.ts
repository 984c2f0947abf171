import { startLocalCloud } from '../../src/host/local-cloud.ts'

/** A program of its own for tests that kill it: starts a local cloud on the folder in its first argument. */
const [dataDir = ''] = process.argv.slice(2)
const cloud = await startLocalCloud({ dataDir, allServicesEnabled: true })
console.log(JSON.stringify(cloud.locator))
await cloud.stopped
