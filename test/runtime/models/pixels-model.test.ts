import { crc32 } from 'node:zlib'
import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import type { Asset } from '../../../src/contracts/messages.ts'
import type { Profile } from '../../../src/contracts/run-spec.ts'
import { findProfile } from '../../../src/profiles/built-in-profiles.ts'
import { AttemptFailure, UnreadableImage } from '../../../src/runtime/models/model.ts'
import { Budget } from '../../../src/runtime/budget.ts'
import { pixelsModel } from '../../../src/runtime/models/pixels.ts'

type Files = Record<string, Buffer | Error>

function assetOf(...names: string[]): Asset {
  const observations = names.map((name) => ({
    observation_id: `o-${name}`,
    gcs_uri: `gs://bucket/${name}`,
    capture_time: null,
  }))
  return { unit_id: 'a', asset_id: 'a', location: null, detection_time: null, bucket: 0, observations }
}

function model(files: Files, profile: Profile | string = 'resolution') {
  async function readImage(uri: string): Promise<Buffer> {
    const file = files[uri.replace('gs://bucket/', '')] ?? new UnreadableImage(uri, 'does not exist')
    if (file instanceof Error) throw file
    return file
  }
  return pixelsModel({
    decoding: new Budget(1e9),
    profile: typeof profile === 'string' ? findProfile(profile) : profile,
    readImage,
    async readRange(uri, first, length) {
      const bytes = await readImage(uri)
      return { bytes: bytes.subarray(first, first + length), size: bytes.length, checksums: undefined }
    },
  })
}

function answer(files: Files, profile?: Profile | string, signal = new AbortController().signal) {
  return model(files, profile).answer(assetOf(...Object.keys(files)), { signal })
}

async function failure(answering: Promise<unknown>): Promise<AttemptFailure> {
  const error = await answering.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (!(error instanceof AttemptFailure)) throw new Error('expected an AttemptFailure', { cause: error })
  return error
}

const plain = (width: number, height: number, background = '#808080') =>
  sharp({ create: { width, height, channels: 3, background } })

/** A picture with detail, so that truncation matters. */
async function noisyJpeg(): Promise<Buffer> {
  return sharp({
    create: {
      width: 320,
      height: 240,
      channels: 3,
      background: '#808080',
      noise: { type: 'gaussian', mean: 128, sigma: 30 },
    },
  })
    .jpeg({ quality: 90 })
    .toBuffer()
}

describe('resolution', () => {
  test('reads JPEG, PNG and WebP regardless of file names, and the largest image is the best', async () => {
    const files = {
      'a.jpg': await plain(30, 20).jpeg().toBuffer(),
      'b.jpg': await plain(50, 40).png().toBuffer(),
      'c.txt': await plain(10, 60).webp().toBuffer(),
    }
    const { columns, observationsUsed } = await answer(files)
    expect(columns).toEqual({
      width: 50,
      height: 40,
      megapixels: 0.002,
      best_observation_id: 'o-b.jpg',
      images: [
        { observation_id: 'o-a.jpg', width: 30, height: 20, format: 'jpeg', bytes: files['a.jpg'].length },
        { observation_id: 'o-b.jpg', width: 50, height: 40, format: 'png', bytes: files['b.jpg'].length },
        { observation_id: 'o-c.txt', width: 10, height: 60, format: 'webp', bytes: files['c.txt'].length },
      ],
      unreadable_observation_ids: [],
    })
    expect(observationsUsed.map(({ observation_id }) => observation_id)).toEqual(['o-a.jpg', 'o-b.jpg', 'o-c.txt'])
  })

  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'turns width and height as EXIF orientation %i displays them',
    async (orientation) => {
      const { columns } = await answer({ x: await plain(30, 20).withMetadata({ orientation }).jpeg().toBuffer() })
      // Orientations 5 to 8 are rotated by 90 degrees (CIPA DC-008, tag 0x0112).
      expect([columns['width'], columns['height']]).toEqual(orientation >= 5 ? [20, 30] : [30, 20])
    },
  )

  test('reads the header of a HEIC file', async () => {
    expect((await answer({ x: HEIC })).columns).toMatchObject({ width: 320, height: 240, images: [{ format: 'heic' }] })
  })

  test('of equal images the first is the best', async () => {
    const file = await plain(30, 20).png().toBuffer()
    expect((await answer({ x: file, y: file })).columns['best_observation_id']).toBe('o-x')
  })

  test('reads only the header, so a file truncated after it counts', async () => {
    const jpeg = await noisyJpeg()
    expect((await answer({ x: jpeg.subarray(0, jpeg.length / 2) })).columns).toMatchObject({ width: 320, height: 240 })
  })
})

describe('image-quality', () => {
  test('refuses a truncated file', async () => {
    const jpeg = await noisyJpeg()
    const error = await failure(answer({ x: jpeg.subarray(0, jpeg.length / 2) }, 'image-quality'))
    expect(error).toMatchObject({ failure: 'unreadable_image', retryable: false })
    expect(error.message).toContain('gs://bucket/x is a damaged jpeg image: it is cut off')
  })

  test('refuses a HEIC file that it cannot decode, in one line', async () => {
    const { message } = await failure(answer({ x: HEIC }, 'image-quality'))
    expect(message).toMatch(
      /^no readable image: gs:\/\/bucket\/x is a heic image, and imagery has no decoder .* Convert it to JPEG/,
    )
  })

  test('refuses a PNG with a broken checksum', async () => {
    const png = await plain(40, 40, '#336699').png().toBuffer()
    png[png.indexOf('IDAT') + 8]! ^= 0xff
    expect((await failure(answer({ x: png }, 'image-quality'))).failure).toBe('unreadable_image')
  })

  test('measures grayscale, 16-bit, CMYK and transparent images as 8-bit sRGB over white', async () => {
    const files = {
      gray: await plain(20, 20, '#505050').toColourspace('b-w').png().toBuffer(),
      deep: await plain(20, 20, '#505050').toColourspace('rgb16').png().toBuffer(),
      clear: await sharp({ create: { width: 20, height: 20, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } })
        .png()
        .toBuffer(),
      cmyk: await plain(20, 20, '#ffffff').toColourspace('cmyk').jpeg({ quality: 100 }).toBuffer(),
    }
    const images = (await answer(files, 'image-quality')).columns['images'] as { brightness: number }[]
    expect(images.slice(0, 3).map(({ brightness }) => brightness)).toEqual([80, 80, 255])
    // Color profiles round: white paper is white to within a few gray values.
    expect(images[3]!.brightness).toBeGreaterThan(245)
  })

  test('the best image is the one with the best verdict, then the most sharpness x megapixels', async () => {
    const dots = (width: number, height: number, amplitude: number) => {
      const pixels = Buffer.alloc(width * height)
      for (let at = 0; at < pixels.length; at++)
        pixels[at] = 120 + ((at + Math.floor(at / width)) % 2 === 0 ? amplitude : -amplitude)
      return sharp(pixels, { raw: { width, height, channels: 1 } })
        .png()
        .toBuffer()
    }
    // All three are sharp; small is poor for its size, strong beats weak.
    const files = { small: await dots(60, 60, 90), weak: await dots(300, 300, 40), strong: await dots(300, 300, 60) }
    const { columns } = await answer(files, 'image-quality')
    expect(columns['best_observation_id']).toBe('o-strong')
    expect(columns).toMatchObject({ width: 300, verdict: 'good', contrast: 60 })
    expect((columns['images'] as { verdict: string }[]).map(({ verdict }) => verdict)).toEqual(['poor', 'good', 'good'])
  })
})

describe('a file that is not an image', () => {
  test.each([
    ['nothing at all', Buffer.alloc(0), 'is empty (0 bytes)'],
    ['text', Buffer.from('Hello'), 'is not an image: imagery reads only jpeg, png, webp, heic and heif'],
    ['an error page', Buffer.from('<html>'), 'is an XML, HTML or SVG file'],
    ['a GIF', plain(4, 4).gif().toBuffer(), 'is a GIF image'],
    ['a TIFF', plain(4, 4).tiff().toBuffer(), 'is a TIFF image'],
    ['an AVIF', plain(16, 16).avif().toBuffer(), 'is an AVIF image'],
    ['the first bytes of a JPEG', Buffer.from('ffd8ffe000104a464946', 'hex'), 'is cut off: it ends inside its header'],
  ])('such as %s is unreadable, and the reason says so', async (_name, file, reason) => {
    const error = await failure(answer({ x: await file }))
    expect(error).toMatchObject({ failure: 'unreadable_image', retryable: false })
    expect(error.message).toContain(`gs://bucket/x ${reason}`)
  })

  test('with a header of 65,535 x 65,535 pixels is not decoded', async () => {
    const png = await plain(1, 1).png().toBuffer()
    // Width and height of the IHDR chunk (https://www.w3.org/TR/png-3/#11IHDR), and its checksum.
    png.writeUInt32BE(65_535, 16)
    png.writeUInt32BE(65_535, 20)
    png.writeUInt32BE(crc32(png.subarray(12, 29)), 29)
    const error = await failure(answer({ x: png }, 'image-quality'))
    expect(error.message).toMatch(
      /^no readable image: gs:\/\/bucket\/x has 65535 x 65535 pixels; image-quality measures up to 200 megapixels\./,
    )
    expect((await answer({ x: png })).columns).toMatchObject({ width: 65_535, height: 65_535 })
  })

  test('is listed next to the readable ones', async () => {
    const files = {
      a: Buffer.from('?'),
      b: await plain(3, 2).png().toBuffer(),
      c: new UnreadableImage('gs://bucket/c', 'does not exist'),
    }
    const { columns, observationsUsed } = await answer(files)
    expect(columns).toMatchObject({ width: 3, unreadable_observation_ids: ['o-a', 'o-c'] })
    expect(observationsUsed.map(({ observation_id }) => observation_id)).toEqual(['o-b'])
  })

  test('fails an asset without a readable image permanently, with a reason for each image', async () => {
    const error = await failure(
      answer({ a: Buffer.alloc(0), b: new UnreadableImage('gs://bucket/b', 'does not exist') }),
    )
    expect(error).toMatchObject({ failure: 'unreadable_image', retryable: false })
    expect(error.message).toBe('no readable image: gs://bucket/a is empty (0 bytes); gs://bucket/b does not exist')
  })
})

describe('transient faults', () => {
  test('a failing storage fails the attempt as retryable, even if other images could be read', async () => {
    const cause = new Error('socket hang up')
    const error = await failure(answer({ a: await plain(3, 2).png().toBuffer(), b: cause }))
    expect(error).toMatchObject({
      failure: 'model_error',
      retryable: true,
      message: 'could not read an image: socket hang up',
      cause,
    })
  })

  test('a throttled storage is reported with the requested wait', async () => {
    const throttled = new AttemptFailure('throttled', 'slow down', { retryable: true, retryAfterMs: 3000 })
    expect(await failure(answer({ a: throttled }))).toBe(throttled)
  })

  test('an attempt past its deadline ends as a timeout', async () => {
    const error = await failure(answer({ a: await plain(3, 2).png().toBuffer() }, 'image-quality', AbortSignal.abort()))
    expect(error).toMatchObject({ failure: 'timeout', retryable: true })
  })

  test('reads in progress stop when one of them fails', async () => {
    let stopped = 0
    const failing = pixelsModel({
      decoding: new Budget(1e9),
      profile: findProfile('image-quality'),
      readImage: () => Promise.reject(new Error('not used')),
      readRange: (uri, _first, _length, signal) =>
        new Promise((_resolve, reject) => {
          if (uri.endsWith('/b')) return reject(new Error('gone'))
          return signal.addEventListener('abort', () => {
            stopped++
            reject(signal.reason)
          })
        }),
    })
    const error = await failure(
      failing.answer(assetOf('a', 'b', 'c', 'd', 'e', 'f'), { signal: new AbortController().signal }),
    )
    expect(error.message).toBe('could not read an image: gone')
    expect(stopped).toBe(3)
  })
})

describe('the ledger row', () => {
  test('has equal hashes for equal inputs; another image or URI changes them', async () => {
    const one = await plain(3, 2).png().toBuffer()
    const two = await plain(3, 3).png().toBuffer()
    const hash = async (files: Files) => (await answer(files)).inputHash
    expect(await hash({ a: one })).toMatch(/^[0-9a-f]{64}$/)
    expect(await hash({ a: one })).toBe(await hash({ a: one }))
    expect(await hash({ a: one })).not.toBe(await hash({ a: two }))
    expect(await hash({ a: one })).not.toBe(await hash({ b: one }))
    expect(await hash({ a: one, b: two })).not.toBe(await hash({ b: two, a: one }))
  })

  test('names the versions of the model and the decoder', async () => {
    const { modelVersion, repaired } = await answer({ a: await plain(3, 2).png().toBuffer() })
    expect(modelVersion).toBe(`pixels-1/libvips-${sharp.versions.vips}`)
    expect(repaired).toBe(false)
  })

  test("has only the columns that a user's profile requests", async () => {
    const { output, ...rest } = findProfile('image-quality')
    const images = {
      type: 'array',
      items: { type: 'object', properties: { verdict: output.properties!['verdict']! } },
    } as const
    const mine: Profile = { ...rest, output: { type: 'object', properties: { width: { type: 'integer' }, images } } }
    const { columns } = await answer({ a: await plain(300, 300).png().toBuffer() }, mine)
    expect(columns).toEqual({ width: 300, images: [{ verdict: 'unusable' }] })
  })

  test.each(['resolution', 'image-quality'])("has exactly the profile's columns for %s", async (name) => {
    const { columns } = await answer({ a: await plain(30, 30).png().toBuffer() }, name)
    const { properties } = findProfile(name).output
    expect(Object.keys(columns).toSorted()).toEqual(Object.keys(properties!).toSorted())
    expect(Object.values(columns)).not.toContain(undefined)
    const [image] = columns['images'] as Record<string, unknown>[]
    expect(Object.keys(image!).toSorted()).toEqual(Object.keys(properties!['images']!.items!.properties!).toSorted())
    expect(Object.values(image!)).not.toContain(undefined)
  })
})

/**
 * The boxes of a HEIC file of 320 x 240 pixels (ISO/IEC 23008-12: ftyp, meta with hvcC and ispe, mdat)
 * around 32 bytes that are not HEVC. The standard build of sharp has no HEVC decoder anyway.
 */
const HEIC = Buffer.from(
  [
    'AAAAGGZ0eXBoZWljAAAAAG1pZjFoZWljAAAA1G1ldGEAAAAAAAAAIWhkbHIAAAAAAAAAAHBpY3QAAAAAAAAAAAAAAAAAAAAADnBp',
    'dG0AAAAAAAEAAAAeaWxvYwAAAABEAAABAAEAAAABAAAA9AAAACAAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAA',
    'AFhpcHJwAAAAO2lwY28AAAAfaHZjQwEBYAAAAJAAAAAAAFrwAPz9+PgAAA8AAAAAFGlzcGUAAAAAAAABQAAAAPAAAAAVaXBtYQAA',
    'AAAAAAABAAECgQIAAAAobWRhdBERERERERERERERERERERERERERERERERERERERERER',
  ].join(''),
  'base64',
)
