import { isAscii, isUtf8 } from 'node:buffer'

/** Why a file's bytes are not read as text. The message is a clause about the file. */
export class EncodingError extends Error {
  override readonly name = 'EncodingError'
  /** The encoding that the bytes probably have, as iconv names it. */
  readonly likely: string
  /** Whether other lines are UTF-8, as in files that were joined: to convert the whole file would spoil those. */
  readonly isMixed: boolean

  constructor(message: string, likely: string, isMixed = false) {
    super(message)
    this.likely = likely
    this.isMixed = isMixed
  }
}

/** Byte order marks, longest first: UTF-32LE begins with the mark of UTF-16LE. */
const MARKS: readonly { encoding: string; bytes: readonly number[] }[] = [
  { encoding: 'UTF-32LE', bytes: [0xff, 0xfe, 0, 0] },
  { encoding: 'UTF-32BE', bytes: [0, 0, 0xfe, 0xff] },
  { encoding: 'UTF-8', bytes: [0xef, 0xbb, 0xbf] },
  { encoding: 'UTF-16LE', bytes: [0xff, 0xfe] },
  { encoding: 'UTF-16BE', bytes: [0xfe, 0xff] },
]

const LINE_FEED = 0x0a

/** A longer line is refused: BigQuery takes rows up to this size (https://cloud.google.com/bigquery/quotas#load_jobs). */
const MAX_LINE_BYTES = 100 * 1024 ** 2

/** The text of a file, and the encoding that it was converted from, unless it is UTF-8. */
export interface DecodedText {
  text: string
  converted: string | undefined
}

/**
 * Decodes a whole file: UTF-8, or UTF-16 with a byte order mark. Never replaces a byte that it cannot read.
 *
 * @throws EncodingError that names the line
 */
export function decodeText(bytes: Buffer): DecodedText {
  const decoder = new TextFileDecoder()
  const text = decoder.write(bytes) + decoder.end()
  return { text, converted: decoder.converted }
}

/** Decodes a file chunk by chunk. What it returns ends at a line's end in UTF-8, and anywhere in UTF-16. */
export class TextFileDecoder {
  /** The encoding that the text is converted from, unless it is UTF-8. Known after the first chunk. */
  converted: string | undefined
  #waiting: Buffer = Buffer.alloc(0)
  #hasBegun = false
  #lines = 0
  #hasUtf8Letters = false
  #utf16: InstanceType<typeof TextDecoder> | undefined

  /** @throws EncodingError that names the line */
  write(chunk: Buffer): string {
    const bytes = this.#waiting.length === 0 ? chunk : Buffer.concat([this.#waiting, chunk])
    if (!this.#hasBegun) {
      // The longest mark has four bytes.
      if (bytes.length < 4) {
        this.#waiting = bytes
        return ''
      }
      return this.#decode(this.#begin(bytes))
    }
    return this.#decode(bytes)
  }

  /** @throws EncodingError that names the line */
  end(): string {
    const bytes = this.#hasBegun ? this.#waiting : this.#begin(this.#waiting)
    this.#waiting = Buffer.alloc(0)
    return this.#utf16 ? this.#decodeUtf16(this.#utf16, bytes, false) : this.#decodeUtf8(bytes)
  }

  #begin(bytes: Buffer): Buffer {
    this.#hasBegun = true
    this.#waiting = Buffer.alloc(0)
    const mark = MARKS.find((each) => each.bytes.every((byte, index) => bytes[index] === byte))
    if (!mark) {
      const unmarked = encodingWithoutMark(bytes)
      if (unmarked !== undefined)
        throw new EncodingError(`it looks like ${unmarked} without a byte order mark`, unmarked)
      return bytes
    }
    if (mark.encoding.startsWith('UTF-32')) throw new EncodingError(`it is ${mark.encoding}`, mark.encoding)
    if (mark.encoding !== 'UTF-8') {
      this.converted = mark.encoding
      this.#utf16 = new TextDecoder(mark.encoding, { fatal: true, ignoreBOM: true })
    }
    return bytes.subarray(mark.bytes.length)
  }

  #decode(bytes: Buffer): string {
    if (this.#utf16) return this.#decodeUtf16(this.#utf16, bytes, true)
    const end = bytes.lastIndexOf(LINE_FEED) + 1
    this.#waiting = bytes.subarray(end)
    if (this.#waiting.length > MAX_LINE_BYTES)
      throw new EncodingError(
        `its line ${this.#lines + countLines(bytes.subarray(0, end)) + 1} is longer than 100 MiB`,
        'UTF-8',
      )
    return this.#decodeUtf8(bytes.subarray(0, end))
  }

  #decodeUtf8(bytes: Buffer): string {
    if (!isUtf8(bytes)) throw notUtf8(bytes, this.#lines, this.#hasUtf8Letters)
    this.#hasUtf8Letters ||= !isAscii(bytes)
    this.#lines += countLines(bytes)
    return bytes.toString('utf8')
  }

  #decodeUtf16(decoder: InstanceType<typeof TextDecoder>, bytes: Buffer, isPart: boolean): string {
    try {
      return decoder.decode(bytes, { stream: isPart })
    } catch {
      throw new EncodingError(`it begins like ${this.converted}, but holds bytes that are not`, 'UTF-16')
    }
  }
}

/** Text in UTF-16 is full of zero bytes, which text in UTF-8 does not have. */
function encodingWithoutMark(bytes: Buffer): string | undefined {
  const head = bytes.subarray(0, 512)
  const zeros = (offset: number): number => head.filter((byte, index) => index % 2 === offset && byte === 0).length
  const half = head.length / 2
  if (half < 2) return undefined
  if (zeros(1) > half * 0.4 && zeros(0) === 0) return 'UTF-16LE'
  return zeros(0) > half * 0.4 && zeros(1) === 0 ? 'UTF-16BE' : undefined
}

function countLines(bytes: Buffer): number {
  let lines = 0
  for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, at + 1)) lines += 1
  return lines
}

function notUtf8(bytes: Buffer, linesBefore: number, hadUtf8Letters: boolean): EncodingError {
  let line = linesBefore
  let bad: number | undefined
  let isMixed = hadUtf8Letters
  for (let from = 0; from < bytes.length;) {
    const feed = bytes.indexOf(LINE_FEED, from)
    const end = feed < 0 ? bytes.length : feed + 1
    line += 1
    if (!isUtf8(bytes.subarray(from, end))) bad ??= line
    else isMixed ||= !isAscii(bytes.subarray(from, end))
    from = end
  }
  // Most such files come from Windows programs; its code page for western Europe includes Latin-1's letters.
  const others = isMixed ? ', although other lines are' : ''
  return new EncodingError(`its line ${bad} is not UTF-8${others}`, 'WINDOWS-1252', isMixed)
}
