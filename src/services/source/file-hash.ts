import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { ImageryError } from '../../contracts/errors.ts'
import { errnoText, otherKind } from '../../contracts/file-kind.ts'

/**
 * Returns the SHA-256, in hex, of a regular file's bytes, or undefined if the file does not exist.
 *
 * @throws ImageryError FILE_NOT_FOUND when it cannot be read, naming it
 */
export async function fileHash(file: string): Promise<string | undefined> {
  try {
    // Does not wait for a pipe that has replaced the file.
    const handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    try {
      const kind = otherKind(await handle.stat())
      if (kind !== undefined) throw new ImageryError('FILE_NOT_FOUND', `${file} is ${kind}, not a file`)
      const hash = createHash('sha256')
      await pipeline(handle.createReadStream({ autoClose: false }), hash)
      return hash.digest('hex')
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (error instanceof ImageryError) throw error
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ImageryError('FILE_NOT_FOUND', `${file} cannot be read: ${errnoText(error)}`, { cause: error })
  }
}
