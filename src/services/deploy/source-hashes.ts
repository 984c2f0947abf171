import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { imageSource, runtimeSource, sourceHash } from './source-archive.ts'

/** The hashes that can label the services of a runtime, each 64 hex digits. */
interface SourceHashes {
  /** Built into an image. */
  image: string
  /** As an archive that is not built. */
  plain: string
}

export async function imageHash(runtimeFolder: string): Promise<string> {
  return sourceHash(await imageSource(runtimeFolder))
}

/** The runtime's lock file names the packages by version and hash, so the hash covers them too. */
export async function plainHash(runtimeFolder: string): Promise<string> {
  const hash = await sourceHash(await runtimeSource(runtimeFolder))
  return createHash('sha256').update(`plain ${hash}`).digest('hex')
}

/** The build writes the hashes beside the runtime, because each local run needs them, and they take reading 4 MB twice. */
function hashesFile(runtimeFolder: string): string {
  return `${runtimeFolder}-hashes.json`
}

/** Writes the hashes of a runtime that was just built. */
export async function writeSourceHashes(runtimeFolder: string): Promise<void> {
  await writeFile(hashesFile(runtimeFolder), `${JSON.stringify(await readAndHash(runtimeFolder))}\n`)
}

/** Returns the hashes that label the services of this runtime: as its build has written them, or by its files. */
export async function ownSourceHashes(runtimeFolder: string): Promise<string[]> {
  const written = await readFile(hashesFile(runtimeFolder), 'utf8').catch(() => undefined)
  const { image, plain } =
    written === undefined ? await readAndHash(runtimeFolder) : (JSON.parse(written) as SourceHashes)
  return [image, plain]
}

async function readAndHash(runtimeFolder: string): Promise<SourceHashes> {
  const [image, plain] = await Promise.all([imageHash(runtimeFolder), plainHash(runtimeFolder)])
  return { image, plain }
}
