import { startStorage } from './storage-fixture.ts'

/** A separate program for tests that kill it: serves Cloud Storage from the folder given as the first argument. */
const [directory = ''] = process.argv.slice(2)
const { base } = await startStorage({ directory })
console.log(base)
