import { expect, test } from 'vitest'
import { findProfile } from '../../../src/profiles/built-in-profiles.ts'
import { Budget } from '../../../src/runtime/budget.ts'
import { AttemptFailure } from '../../../src/runtime/models/model.ts'
import { pixelsModel } from '../../../src/runtime/models/pixels.ts'
import { damaged } from './damaged.ts'
import { type Dice, everySeed, FUZZ_TIMEOUT_MS } from './seeds.ts'

interface Heic {
  bytes: Buffer
  format: 'heic' | 'heif'
  /** As displayed. */
  width: number
  height: number
}

const u8 = (...values: number[]): Buffer => Buffer.from(values)
const u16 = (value: number): Buffer => u8(value >>> 8, value & 0xff)
const u32 = (value: number): Buffer => Buffer.concat([u16(value >>> 16), u16(value & 0xff_ff)])

/** A box with its length before it, or with a 64-bit length behind its name (ISO/IEC 14496-12, 4.2). */
function box(name: string, content: readonly Buffer[], isLong = false): Buffer {
  const data = Buffer.concat(content)
  const tag = Buffer.from(name, 'latin1')
  return isLong
    ? Buffer.concat([u32(1), tag, u32(0), u32(data.length + 16), data])
    : Buffer.concat([u32(data.length + 8), tag, data])
}

const full = (name: string, version: number, flags: number, ...content: Buffer[]): Buffer =>
  box(name, [u8(version, 0, 0, flags), ...content])

const ispe = (width: number, height: number): Buffer => full('ispe', 0, 0, u32(width), u32(height))

/** A file of a phone, a camera or a converter: tiles beside the image, other boxes, any order, each kind of number. */
function anyHeic(dice: Dice): Heic {
  let width = 1 + dice.below(dice.pick([20, 5_000, 60_000]))
  let height = 1 + dice.below(dice.pick([20, 5_000, 60_000]))
  const isLongId = dice.chance(30)
  const primary = isLongId ? 70_000 + dice.below(1_000) : 1 + dice.below(60_000)
  const others = Array.from({ length: dice.below(6) }, (_, index) => primary + 1 + index)

  const properties: Buffer[] = []
  const add = (property: Buffer): number => properties.push(property)
  const fillers = (): void => {
    for (let times = dice.below(4); times > 0; times--)
      add(dice.pick([ispe(512, 512), box('pixi', [u8(0, 0, 0, 0, 3, 8, 8, 8)]), box('hvcC', [Buffer.alloc(40)])]))
  }
  fillers()
  const own = [add(ispe(width, height))]
  fillers()
  if (dice.chance(25)) {
    width = 1 + dice.below(width)
    height = 1 + dice.below(height)
    const by = 1 + dice.below(3)
    own.push(add(box('clap', [u32(width * by), u32(by), u32(height * by), u32(by), u32(0), u32(1), u32(0), u32(1)])))
  }
  if (dice.chance(50)) {
    const turns = dice.below(4)
    own.push(add(box('irot', [u8(turns)])))
    if (turns % 2 === 1) [width, height] = [height, width]
  }
  fillers()
  const tiles = others.map((id) => ({ id, places: [1 + dice.below(properties.length)] }))
  const items = dice.shuffled([{ id: primary, places: own }, ...tiles])
  const isWide = properties.length > 120 || dice.chance(30)
  const isEssential = (place: number): Buffer => {
    const flag = dice.chance(50)
    return isWide ? u16(place | (flag ? 0x80_00 : 0)) : u8(place | (flag ? 0x80 : 0))
  }
  const associations = (of: readonly (typeof items)[number][]): Buffer =>
    full(
      'ipma',
      isLongId ? 1 : 0,
      isWide ? 1 : 0,
      u32(of.length),
      ...of.flatMap(({ id, places }) => [isLongId ? u32(id) : u16(id), u8(places.length), ...places.map(isEssential)]),
    )
  // One box of associations for each kind of numbers.
  const short = full('ipma', 0, 0, u32(1), u16(60_100), u8(1), u8(1))
  const hasTwo = (isLongId || isWide) && dice.chance(40)
  const associated = hasTwo ? dice.shuffled([associations(items), short]) : [associations(items)]
  const long = (): boolean => dice.chance(15)
  const meta = full(
    'meta',
    0,
    0,
    ...dice.shuffled([
      full('hdlr', 0, 0, Buffer.from('\0\0\0\0pict', 'latin1'), Buffer.alloc(13)),
      isLongId ? full('pitm', 1, 0, u32(primary)) : full('pitm', 0, 0, u16(primary)),
      full('iinf', 0, 0, u16(0)),
      box('iprp', [box('ipco', properties, long()), ...associated], long()),
      box('free', [Buffer.alloc(dice.below(300), 7)], long()),
    ]),
  )
  const format = dice.pick(['heic', 'heif'] as const)
  const major = format === 'heic' ? dice.pick(['heic', 'heix', 'heim', 'hevc']) : dice.pick(['mif1', 'msf1'])
  const ftyp = box('ftyp', [
    Buffer.from(major),
    u32(0),
    Buffer.from('miaf'),
    ...(dice.chance(50) ? [Buffer.from('mif1')] : []),
  ])
  const between = dice.chance(40) ? [box('free', [Buffer.alloc(dice.below(200_000))], dice.chance(50))] : []
  const pixels = dice.chance(20)
    ? Buffer.concat([u32(0), Buffer.from('mdat'), Buffer.alloc(dice.below(500))])
    : box('mdat', [Buffer.alloc(dice.below(5_000), 1)], dice.chance(30))
  // A box without a length reaches to the end of the file.
  const isLast = pixels.readUInt32BE() === 0
  const rest = isLast || dice.chance(70) ? [...between, meta, pixels] : [pixels, ...between, meta]
  return { bytes: Buffer.concat([ftyp, ...rest]), format, width, height }
}

async function measured(profile: string, bytes: Buffer): Promise<Record<string, unknown>> {
  const model = pixelsModel({
    profile: findProfile(profile),
    readImage: async () => Buffer.from(bytes),
    decoding: new Budget(200_000_000),
    readRange: async (_uri, first, length) => ({
      bytes: bytes.subarray(first, first + length),
      size: bytes.length,
      checksums: undefined,
    }),
  })
  const observations = [{ observation_id: 'o', gcs_uri: 'gs://bucket/x', capture_time: null }]
  const asset = { unit_id: 'a', asset_id: 'a', location: null, detection_time: null, bucket: 0, observations }
  return (await model.answer(asset, { signal: new AbortController().signal })).columns
}

test(
  'any HEIC or HEIF file has its size as displayed, and image-quality says the same plain words each time',
  async () => {
    await everySeed(300, async (dice) => {
      const { bytes, format, width, height } = anyHeic(dice)
      expect(await measured('resolution', bytes)).toMatchObject({ width, height, images: [{ format, width, height }] })
      const refusals = await Promise.all(
        [1, 2].map(() => measured('image-quality', bytes).catch((error: Error) => error.message)),
      )
      expect(new Set(refusals)).toEqual(
        new Set([
          `no readable image: gs://bucket/x is a ${format} image, and imagery has no decoder for its pixels. Convert it to JPEG (heif-convert a.heic a.jpg); the profile resolution reads its size as it is`,
        ]),
      )
    })
  },
  FUZZ_TIMEOUT_MS,
)

test(
  'a damaged HEIC file has a size or a reason in plain words, at once',
  async () => {
    await everySeed(600, async (dice) => {
      const whole = anyHeic(dice).bytes
      const bytes = dice.chance(30) ? whole.subarray(0, dice.below(whole.length)) : damaged(dice, whole)
      const started = performance.now()
      for (const profile of ['resolution', 'image-quality']) {
        const result: unknown = await measured(profile, bytes).catch((error: unknown) => error)
        expect(performance.now() - started).toBeLessThan(10_000)
        if (result instanceof Error) {
          if (!(result instanceof AttemptFailure)) throw result
          expect(result).toMatchObject({ failure: 'unreadable_image', retryable: false })
          expect(result.message).toMatch(/^no readable image: gs:\/\/bucket\/x [a-z][^\n\0]{5,400}$/)
        } else {
          const { width, height } = result as { width: number; height: number }
          expect(Math.min(width, height)).toBeGreaterThan(0)
        }
      }
    })
  },
  FUZZ_TIMEOUT_MS,
)
