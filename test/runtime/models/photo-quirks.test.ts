import { availableParallelism } from 'node:os'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { readFigures } from '../../../src/runtime/models/image-reader.ts'

/** Photos as cameras, phones and crawlers write them, and photos that are really damaged. */
let photo: Buffer
let progressive: Buffer
let gradual: Record<string, number | string>

const END = Buffer.from([0xff, 0xd9])
const { signal } = new AbortController()
const figures = (bytes: Buffer) => readFigures('gs://bucket/x.jpg', bytes, 'jpeg', signal)

/** The offset of the three last bytes of the first scan header: Ss, Se, Ah and Al. */
function scanParameters(jpeg: Buffer): number {
  const scan = jpeg.indexOf(Buffer.from([0xff, 0xda]))
  return scan + 2 + jpeg.readUInt16BE(scan + 2) - 3
}

function changed(jpeg: Buffer, at: number, value: number): Buffer {
  const bytes = Buffer.from(jpeg)
  bytes[at] = value
  return bytes
}

/** The same pixels each time: a decoder misses the end marker only if the last code needs bits after it. */
function noise(width: number, height: number): Buffer {
  const pixels = Buffer.alloc(width * height * 3)
  let state = 1
  for (let at = 0; at < pixels.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    pixels[at] = 78 + (state >>> 24) / 2.56
  }
  return pixels
}

beforeAll(async () => {
  photo = await sharp(noise(320, 240), { raw: { width: 320, height: 240, channels: 3 } })
    .jpeg({ quality: 85 })
    .toBuffer()
  progressive = await sharp(photo).jpeg({ quality: 85, progressive: true }).toBuffer()
  const { note, ...rest } = await figures(photo)
  expect(note).toBe('')
  gradual = rest
})

describe('a JPEG file with an oddity that loses no pixels is measured like any other, and the note names it', () => {
  test.each<[string, () => Buffer, string]>([
    ['no end marker', () => photo.subarray(0, -2), 'no end marker'],
    ['an end of zeros, as a half-written file has it', () => Buffer.concat([photo, Buffer.alloc(5_000)]), ''],
    ['stray bytes after the end', () => Buffer.concat([photo, Buffer.from('stray')]), ''],
    [
      'another end of its spectrum in the scan header',
      () => changed(photo, scanParameters(photo) + 1, 0),
      'odd scan header',
    ],
    [
      'another bit position in the scan header',
      () => changed(photo, scanParameters(photo) + 2, 0x11),
      'odd scan header',
    ],
    [
      'two oddities at once',
      () => changed(photo, scanParameters(photo) + 1, 0).subarray(0, -2),
      'no end marker, odd scan header',
    ],
    [
      'stray bytes between its segments',
      () => {
        const first = 4 + photo.readUInt16BE(4)
        return Buffer.concat([photo.subarray(0, first), Buffer.from([1, 2, 3]), photo.subarray(first)])
      },
      'stray bytes',
    ],
    [
      'an unknown JFIF version',
      () => {
        const jfif = Buffer.from('ffe000104a46494600090900000100010000', 'hex')
        return Buffer.concat([photo.subarray(0, 2), jfif, photo.subarray(2)])
      },
      'JFIF',
    ],
  ])('%s', async (_what, file, odd) => {
    const { note, ...rest } = await figures(file())
    expect(rest).toEqual(gradual)
    expect(note).toMatch(odd === '' ? /^$/ : new RegExp(`^all pixels were read; odd about the file: .*${odd}`))
  })

  test('also in a progressive file', async () => {
    const { note: _, ...whole } = await figures(progressive)
    const { note, ...rest } = await figures(progressive.subarray(0, -2))
    expect(rest).toEqual(whole)
    expect(note).toContain('no end marker')
  })
})

/** A photo with stray bytes behind its first segment, without its end. */
function cutWithStrays(percent: number, value = 63): Buffer {
  const cut = changed(photo, scanParameters(photo) + 1, value).subarray(0, Math.floor((photo.length * percent) / 100))
  const first = 4 + photo.readUInt16BE(4)
  return Buffer.concat([cut.subarray(0, first), Buffer.from([1, 2, 3, 0xff, 0]), cut.subarray(first)])
}

test('a file gets the same note or reason each time, however many others are decoded meanwhile', async () => {
  const files = [photo, photo.subarray(0, -2), photo.subarray(0, Math.floor(photo.length * 0.6)), cutWithStrays(60)]
  const outcome = (file: Buffer): Promise<string> =>
    figures(file).then(
      ({ note }) => note,
      (error: Error) => error.message,
    )
  const alone: string[] = []
  for (const file of files) alone.push(await outcome(file))
  for (let round = 0; round < 25; round++) expect(await Promise.all(files.map(outcome))).toEqual(alone)
})

describe('a JPEG file that lost pixels is refused in plain words', () => {
  test.each<[string, () => Buffer]>([
    ['cut off at 60 %', () => photo.subarray(0, Math.floor(photo.length * 0.6))],
    [
      'cut off at 60 %, with an end marker',
      () => Buffer.concat([photo.subarray(0, Math.floor(photo.length * 0.6)), END]),
    ],
    ['cut off at 60 %, progressive', () => progressive.subarray(0, Math.floor(progressive.length * 0.6))],
    ['cut off at 60 %, with stray bytes between its segments', () => cutWithStrays(60)],
    ['cut off at 90 %, with stray bytes and an odd scan header', () => cutWithStrays(90, 1)],
    ['cut off at 99 %', () => photo.subarray(0, Math.floor(photo.length * 0.99))],
    [
      'cut off, with an odd scan header',
      () => changed(photo, scanParameters(photo) + 1, 0).subarray(0, Math.floor(photo.length * 0.6)),
    ],
  ])('%s', async (_what, file) => {
    await expect(figures(file())).rejects.toThrow(
      /^gs:\/\/bucket\/x\.jpg is a damaged jpeg image: it is cut off, or part of it is corrupt \(.+\)\. Copy it again/,
    )
  })
})

test('a PNG or WebP file that is cut off is refused, and one with stray bytes at its end is measured', async () => {
  for (const format of ['png', 'webp'] as const) {
    const file = await sharp(photo).toFormat(format).toBuffer()
    const cut = readFigures('gs://bucket/x', file.subarray(0, Math.floor(file.length * 0.6)), format, signal)
    await expect(cut).rejects.toThrow(`is a damaged ${format} image: it is cut off`)
    const longer = await readFigures('gs://bucket/x', Buffer.concat([file, Buffer.alloc(9)]), format, signal)
    expect(longer).toEqual(await readFigures('gs://bucket/x', file, format, signal))
  }
})

test('at most one image per core is decoded at once, and one that no longer waits is not decoded', async () => {
  const cores = availableParallelism()
  const counted = (): number => {
    const { queue, process: running } = sharp.counters()
    return queue + running
  }
  // A decode that starts between the reads of the two counters is counted twice.
  const decodes = (): number => Math.min(counted(), counted())
  // Other files of this process may have left a decode that nothing waits for: libvips does not stop one.
  await expect.poll(decodes, { timeout: 30_000 }).toBe(0)
  const stop = new AbortController()
  const all = Array.from({ length: 3 * cores }, () => figures(photo))
  const abandoned = readFigures('gs://bucket/x.jpg', photo, 'jpeg', stop.signal)
  stop.abort(new Error('no longer needed'))
  await expect(abandoned).rejects.toThrow('no longer needed')
  let most = 0
  let isDone = false
  const done = Promise.all(all).finally(() => (isDone = true))
  while (!isDone) {
    most = Math.max(most, decodes())
    await new Promise((resolve) => setImmediate(resolve))
  }
  await done
  expect(most).toBe(cores)
})
