import { existsSync, renameSync, rmSync } from 'node:fs'
import { unpackArchive } from '../../kernel/archive.ts'
import { ARCHIVE_MAX_BYTES } from './limits.ts'
import type { Container } from './resources.ts'

/** A revision's program could not be built from its archive. Cloud Run reports it as a failed build. */
export class BuildError extends Error {
  override readonly name = 'BuildError'
}

/** The archive of a container as `gs://bucket/object`, with `#generation` when one was requested. */
export function archiveUri(container: Container): string {
  const source = container.sourceCode?.cloudStorageSource
  if (!source) throw new BuildError('the container has no source archive')
  const generation = source.generation === '0' || source.generation === '' ? '' : `#${source.generation}`
  return `gs://${source.bucket}/${source.object}${generation}`
}

/**
 * Creates a revision's directory: fetches the archive and unpacks it. npm does not run, so the archive
 * must contain all dependencies (https://cloud.google.com/run/docs/deploying-source-code). Does nothing
 * when the directory exists, because it only exists when complete.
 *
 * @throws BuildError that names the archive
 */
export async function prepareBundle(
  directory: string,
  container: Container,
  readObject: (gsUri: string) => Promise<Buffer>,
): Promise<void> {
  if (existsSync(directory)) return
  const uri = archiveUri(container)
  const unfinished = `${directory}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  try {
    const archive = await readObject(uri)
    if (archive.byteLength > ARCHIVE_MAX_BYTES) {
      throw new BuildError(`the source archive has ${archive.byteLength} bytes; the limit is ${ARCHIVE_MAX_BYTES}`)
    }
    await unpackArchive(archive, unfinished)
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    throw new BuildError(`Build failed for ${uri}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  renameSync(unfinished, directory)
}
