import { cpSync, existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { DockerfileError } from './dockerfile.ts'

/**
 * COPY of a Dockerfile (https://docs.docker.com/reference/dockerfile/#copy): the contents of folders,
 * files under their own names into a folder, one file under another name.
 *
 * @param target where it is copied to, absolute, in the image; ends with `/` when it must be a folder
 * @throws DockerfileError in Docker's words when a source is not there
 */
export function copyFiles(context: string, sources: readonly string[], root: string, target: string): void {
  const files = sources.flatMap((source) => matches(context, source))
  if (files.length > 1 && !target.endsWith('/')) {
    throw new DockerfileError(
      'When using COPY with more than one source file, the destination must be a directory and end with a /',
    )
  }
  for (const file of files) {
    const from = path.join(context, file)
    const isFolder = statSync(from).isDirectory()
    const asFolder = isFolder || target.endsWith('/') || isDirectory(path.join(root, target))
    const to = path.join(root, target, !isFolder && asFolder ? path.basename(file) : '')
    mkdirSync(isFolder ? to : path.dirname(to), { recursive: true })
    cpSync(from, to, { recursive: true })
  }
}

/** The files and folders of the context that a source means, with the wildcards `*` and `?`. */
function matches(context: string, source: string): string[] {
  const name = path.posix.normalize(source.replace(/^\/+/, '')).replace(/\/$/, '')
  if (name.split('/').includes('..')) throw forbidden(source)
  if (!/[*?[]/.test(name)) {
    if (existsSync(path.join(context, name))) return [name]
    throw notFound(name)
  }
  if (name.includes('['))
    throw new DockerfileError(`"${source}": character classes are not emulated by the local cloud`)
  const pattern = new RegExp(
    `^${name
      .replace(/[.+^${}()|\\]/g, String.raw`\$&`)
      .replaceAll('*', '[^/]*')
      .replaceAll('?', '[^/]')}$`,
  )
  const depth = name.split('/').length
  const found = listing(context, '', depth).filter((file) => pattern.test(file))
  if (found.length === 0) throw new DockerfileError('COPY failed: no source files were specified')
  return found.toSorted()
}

function listing(context: string, folder: string, depth: number): string[] {
  return readdirSync(path.join(context, folder), { withFileTypes: true }).flatMap((entry) => {
    const name = path.posix.join(folder, entry.name)
    return entry.isDirectory() && depth > 1 ? listing(context, name, depth - 1) : [name]
  })
}

function isDirectory(file: string): boolean {
  return statSync(file, { throwIfNoEntry: false })?.isDirectory() ?? false
}

function notFound(name: string): DockerfileError {
  return new DockerfileError(
    `COPY failed: file not found in build context or excluded by .dockerignore: stat ${name}: file does not exist`,
  )
}

function forbidden(source: string): DockerfileError {
  return new DockerfileError(`COPY failed: forbidden path outside the build context: ${source} ()`)
}
