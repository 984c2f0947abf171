import { startStorage } from './storage-fixture.ts'

/** A program of its own for tests that kill it: serves Cloud Storage from the folder in its first argument. */
const [directory = ''] = process.argv.slice(2)
const { base } = await startStorage({ directory })
console.log(base)
