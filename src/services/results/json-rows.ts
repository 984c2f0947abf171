import { createReadStream, createWriteStream } from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Row } from './read-rows.ts'

/** Reads all rows into a temporary file, and returns its text: JSON objects with commas between them. */
export async function jsonRows(
  folder: string,
  pages: AsyncIterable<Row[]>,
  signal: AbortSignal,
): Promise<AsyncIterable<string>> {
  const file = path.join(folder, 'rows.json')
  await pipeline(listed(pages), createWriteStream(file), { signal }).catch((error: unknown) => {
    signal.throwIfAborted()
    throw error
  })
  return createReadStream(file, 'utf8') as AsyncIterable<string>
}

async function* listed(pages: AsyncIterable<Row[]>): AsyncGenerator<string> {
  let separator = '\n'
  for await (const page of pages) {
    if (page.length === 0) continue
    yield `${separator}${page.map((row) => JSON.stringify(row)).join(',\n')}`
    separator = ',\n'
  }
  yield '\n'
}
