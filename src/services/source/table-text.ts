import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { ImageryError } from '../../contracts/errors.ts'
import { errnoText } from '../../contracts/file-kind.ts'
import { EncodingError, TextFileDecoder } from '../../contracts/text-encoding.ts'
import { utf8Command } from '../../contracts/text-file.ts'
import { otherContent } from './other-files.ts'

/** A local table in a text format. */
export interface TextTable {
  /** As the user named it. */
  given: string
  /** Absolute path. */
  file: string
  /** The encoding that the text was converted from, once the file has been read. */
  converted?: string | undefined
  /** The lines that have the header once more, once the file has been read. */
  repeatedHeaders?: readonly number[]
}

/** The bytes of a piece. Node gives each read a new buffer of this size, and must collect those of many small files. */
export const MOST_BYTES = 1 << 20
const FEWEST_BYTES = 4_096

/**
 * Reads a file's text, piece by piece.
 *
 * @throws ImageryError SOURCE_UNSUPPORTED for text in another encoding and for what is no text, FILE_NOT_FOUND if it cannot be read
 */
export async function* decodedChunks(table: TextTable): AsyncGenerator<string> {
  const decoder = new TextFileDecoder()
  let isFirst = true
  try {
    const file = await stat(table.file)
    const highWaterMark = file.isFile() ? Math.min(MOST_BYTES, Math.max(FEWEST_BYTES, file.size + 1)) : MOST_BYTES
    for await (const chunk of createReadStream(table.file, { highWaterMark })) {
      const other = isFirst ? otherContent(chunk as Buffer, table.given) : undefined
      if (other) {
        const { what, suggestions } = other
        throw new ImageryError('SOURCE_UNSUPPORTED', `${table.given} cannot be read: ${what}`, { suggestions })
      }
      isFirst = false
      const text = decoder.write(chunk as Buffer)
      table.converted = decoder.converted
      if (text !== '') yield text
    }
    const rest = decoder.end()
    table.converted = decoder.converted
    if (rest !== '') yield rest
  } catch (error) {
    if (error instanceof EncodingError) {
      throw new ImageryError('SOURCE_UNSUPPORTED', `${table.given} cannot be read: ${error.message}`, {
        suggestions: [
          `${utf8Command(table.given, error)}   (${error.isMixed ? 'if those lines are Windows-1252' : "with the file's own encoding after -f, if it is another one"})`,
        ],
        cause: error,
      })
    }
    if ((error as NodeJS.ErrnoException).code === undefined || error instanceof ImageryError) throw error
    throw new ImageryError('FILE_NOT_FOUND', `${table.given} cannot be read: ${errnoText(error)}`, { cause: error })
  }
}
