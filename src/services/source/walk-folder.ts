import type { Dirent } from 'node:fs'
import { lstat, readdir, realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { errnoText } from '../../contracts/file-kind.ts'
import { folderGone, isInside, type ImageFolders } from './image-file.ts'
import { isOfTheSystem } from './image-types.ts'

/** An entry of a folder or of a folder below it that is no folder itself. */
export interface FoundFile {
  /** The path from the folder, with slashes. */
  name: string
  isLink: boolean
  /** Whether it is, or leads to, a regular file in a folder that may be read. */
  isFile: boolean
}

/** Folders that are listed in a warning by name; more of them are only counted. */
const MOST_NAMED = 3

/**
 * Lists the files of a folder and of all folders below it. A link to a folder that may be read is followed, each folder
 * once. Folders that cannot be read, and links that are not followed, are counted in the warnings.
 *
 * @throws ImageryError FILE_NOT_FOUND if the folder itself cannot be read
 */
export async function filesBelow(folders: ImageFolders): Promise<{ files: FoundFile[]; warnings: string[] }> {
  const files: FoundFile[] = []
  const unread: string[] = []
  const outside: string[] = []
  const names: string[] = []
  const links: string[] = []
  const seen = new Set<string>()

  const entriesOf = async (below: string): Promise<Dirent[]> => {
    const folder = path.join(folders.base, below)
    try {
      const real = await realpath(folder)
      if (seen.has(real)) return []
      seen.add(real)
      return await readdir(folder, { withFileTypes: true })
    } catch (error) {
      if (below === '') throw folderGone(folder, error)
      unread.push(`${below} (${errnoText(error)})`)
      return []
    }
  }
  const linked = async (name: string): Promise<void> => {
    const file = path.join(folders.base, name)
    const target = await stat(file).catch(() => undefined)
    const mayRead = await realpath(file).then(
      (real) => isInside(real, folders.roots),
      () => false,
    )
    if (!target?.isDirectory()) files.push({ name, isLink: true, isFile: mayRead && target?.isFile() === true })
    else if (mayRead) links.push(name)
    else outside.push(name)
  }
  const walk = async (start: string): Promise<void> => {
    const waiting = [start]
    for (let below = waiting.pop(); below !== undefined; below = waiting.pop()) {
      for (const entry of await entriesOf(below)) {
        if (isOfTheSystem(entry.name)) continue
        const name = below === '' ? entry.name : `${below}/${entry.name}`
        if (entry.isDirectory()) waiting.push(name)
        else if (entry.isSymbolicLink()) await linked(name)
        else if (await isMisread(name, folders)) names.push(name)
        else files.push({ name, isLink: false, isFile: entry.isFile() })
      }
    }
  }

  await walk('')
  // Links come last, so that a folder is listed under its own name if it is below the folder anyway.
  for (let link = links.shift(); link !== undefined; link = links.shift()) await walk(link)
  return {
    files,
    warnings: [
      ...warning(unread, {
        one: 'folder cannot be read, so its images are missing',
        more: 'folders cannot be read, so their images are missing',
      }),
      ...warning(outside, {
        one: 'link leads outside the folder and is not followed; allow its folder with --image-root FOLDER',
        more: 'links lead outside the folder and are not followed; allow their folders with --image-root FOLDER',
      }),
      ...warning(names, {
        one: 'file has a name that is not UTF-8, and is skipped; rename it',
        more: 'files have names that are not UTF-8, and are skipped; rename them',
      }),
    ],
  }
}

/** Whether a name is not UTF-8: Node then reads another name, which no file has. */
async function isMisread(name: string, { base }: ImageFolders): Promise<boolean> {
  if (!name.includes('\uFFFD')) return false
  return lstat(path.join(base, name)).then(
    () => false,
    () => true,
  )
}

function warning(names: readonly string[], { one, more }: { one: string; more: string }): string[] {
  if (names.length === 0) return []
  const unnamed = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : ''
  const named = names.toSorted().slice(0, MOST_NAMED).join(', ')
  return [`${names.length} ${names.length === 1 ? one : more}: ${named}${unnamed}`]
}
