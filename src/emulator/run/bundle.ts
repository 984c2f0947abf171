import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { unpackArchive } from '../kernel/archive.ts'
import { ARCHIVE_MAX_BYTES } from './limits.ts'
import type { Container } from './resources.ts'

const require = createRequire(import.meta.url)

/** A revision's program could not be built from its archive. Cloud Run calls the whole a failed build. */
export class BuildError extends Error {
  override readonly name = 'BuildError'
}

/** The archive of a container as `gs://bucket/object`, with `#generation` when one was asked for. */
export function archiveUri(container: Container): string {
  const source = container.sourceCode?.cloudStorageSource
  if (!source) throw new BuildError('the container has no source archive')
  const generation = source.generation === '0' || source.generation === '' ? '' : `#${source.generation}`
  return `gs://${source.bucket}/${source.object}${generation}`
}

/**
 * Makes a revision's directory: fetches the archive, unpacks it, and links the packages that its
 * package.json names. Does nothing when the directory is there already, which it only is once complete.
 *
 * @throws BuildError that names the archive, or the package that is missing or of another version
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
    linkDependencies(unfinished)
  } catch (error) {
    rmSync(unfinished, { recursive: true, force: true })
    throw new BuildError(`Build failed for ${uri}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    })
  }
  renameSync(unfinished, directory)
}

/**
 * Stands for `npm ci` on the base image: each dependency that the archive does not bring is linked
 * to the very version that is installed beside this program.
 */
function linkDependencies(directory: string): void {
  const manifestFile = path.join(directory, 'package.json')
  if (!existsSync(manifestFile)) return
  for (const [name, version] of Object.entries(readDependencies(manifestFile))) {
    if (!/^(@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/.test(name)) {
      throw new BuildError(`package.json: "${name}" is not a package name`)
    }
    const link = path.join(directory, 'node_modules', name)
    if (existsSync(link)) continue
    const installed = installedPackage(name)
    if (!installed) throw new BuildError(`package.json asks for ${name}@${version}, which is not installed here`)
    if (installed.version !== version) {
      throw new BuildError(
        `package.json asks for ${name}@${version}, but ${installed.version} is installed here: ` +
          'ask for exactly that version, or put the package into the archive',
      )
    }
    mkdirSync(path.dirname(link), { recursive: true })
    // A junction needs no privilege on Windows; elsewhere the type is ignored.
    symlinkSync(installed.directory, link, 'junction')
  }
}

function readDependencies(manifestFile: string): Record<string, string> {
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8')) as { dependencies?: unknown }
  const dependencies = manifest.dependencies ?? {}
  const isMap =
    typeof dependencies === 'object' && Object.values(dependencies).every((value) => typeof value === 'string')
  if (!isMap) throw new BuildError('package.json: "dependencies" must map names to versions')
  return dependencies as Record<string, string>
}

/** Found by its directory, not by resolving it: a package may hide its package.json from `exports`. */
function installedPackage(name: string): { directory: string; version: string } | undefined {
  for (const folder of require.resolve.paths(name) ?? []) {
    const directory = path.join(folder, name)
    const manifestFile = path.join(directory, 'package.json')
    if (!existsSync(manifestFile)) continue
    return { directory, version: (JSON.parse(readFileSync(manifestFile, 'utf8')) as { version: string }).version }
  }
  return undefined
}
