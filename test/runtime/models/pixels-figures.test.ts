import { readFileSync } from 'node:fs'
import sharp from 'sharp'
import { expect, test, vi } from 'vitest'
import { measurePixels } from '../../../src/runtime/models/image-figures.ts'
import { judge, RULES } from '../../../src/runtime/models/image-verdict.ts'
import type { QualityFigures } from '../../../src/runtime/models/image-verdict.ts'
import { GRAY_AT, pixelKernel, RGB_AT, TILE } from '../../../src/runtime/models/pixel-kernel.ts'
import { readFigures } from '../../../src/runtime/models/image-reader.ts'
import { seeded } from '../../field/seeded.ts'

/** RGB pixels from a function of position. */
function picture(
  width: number,
  height: number,
  color: (x: number, y: number) => readonly [number, number, number],
): Uint8Array {
  const rgb = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rgb.set(color(x, y), (y * width + x) * 3)
  return rgb
}

const gray = (value: number) => [value, value, value] as const

test('a uniform image has no contrast and no sharpness', () => {
  expect(
    measurePixels(
      picture(9, 7, () => gray(117)),
      9,
      7,
    ),
  ).toEqual({
    sharpness: 0,
    brightness: 117,
    contrast: 0,
    near_black_share: 0,
    clipped_share: 0,
  })
})

test('a checkerboard of 100 and 110 has a Laplacian of +40 and -40', () => {
  // 8 x 6: 6 x 4 inner pixels, half of each color, so the mean is 0 and the variance 40 squared.
  const figures = measurePixels(
    picture(8, 6, (x, y) => gray((x + y) % 2 === 0 ? 100 : 110)),
    8,
    6,
  )
  expect(figures.sharpness).toBe(1600)
  expect(figures.brightness).toBe(105)
  expect(figures.contrast).toBe(5)
})

test('a half black, half white image is half near-black and half clipped', () => {
  const figures = measurePixels(
    picture(6, 4, (x) => gray(x < 3 ? 0 : 255)),
    6,
    4,
  )
  expect(figures).toMatchObject({ brightness: 127.5, contrast: 127.5, near_black_share: 0.5, clipped_share: 0.5 })
  // Inner columns 1 to 4: 0, +255, -255, 0 in both inner rows. Mean 0, variance 255^2 / 2.
  expect(figures.sharpness).toBe(32512.5)
})

test('one bright pixel returns the kernel itself', () => {
  // 5 x 5 with 10 in the middle of 0: nine inner values, -40, four times 10 and four zeros. Variance (1600 + 400) / 9.
  const figures = measurePixels(
    picture(5, 5, (x, y) => gray(x === 2 && y === 2 ? 10 : 0)),
    5,
    5,
  )
  expect(figures.sharpness).toBe(222.2222)
})

test.each([
  [[255, 0, 0], 76], // 76.245
  [[0, 255, 0], 150], // 149.685
  [[0, 0, 255], 29], // 29.07
  [[255, 255, 255], 255],
  [[0, 2, 4], 2], // 1.63
  [[1, 1, 7], 2], // 1.684
  [[5, 1, 0], 2], // 2.082
  [[0, 4, 1], 2], // 2.462
  [[0, 1, 8], 1], // 1.499
  [[2, 2, 2], 2],
] as const)('the gray level of %j is %i', (color, expected) => {
  expect(
    measurePixels(
      picture(4, 4, () => color),
      4,
      4,
    ).brightness,
  ).toBe(expected)
})

test.each([
  [10, 1, 0],
  [11, 0, 0],
  [249, 0, 0],
  [250, 0, 1],
])('gray %i counts as near-black %i and clipped %i', (value, nearBlack, clipped) => {
  expect(
    measurePixels(
      picture(3, 3, () => gray(value)),
      3,
      3,
    ),
  ).toMatchObject({ near_black_share: nearBlack, clipped_share: clipped })
})

test.each([
  [2, 50],
  [50, 2],
  [1, 1],
])('an image of %i x %i has no pixel with four neighbors, so no sharpness', (width, height) => {
  expect(
    measurePixels(
      picture(width, height, (x) => gray(x % 2 === 0 ? 0 : 200)),
      width,
      height,
    ).sharpness,
  ).toBe(0)
})

test('a buffer that does not fit its size is refused', () => {
  expect(() => measurePixels(new Uint8Array(11), 2, 2)).toThrow(RangeError)
  expect(() => measurePixels(new Uint8Array(0), 0, 0)).toThrow(RangeError)
})

/** The documented formulas, step by step over the whole image. */
function figuresByHand(rgb: Uint8Array, width: number, height: number) {
  const grays = Array.from({ length: width * height }, (_, index) => {
    const [red, green, blue] = rgb.subarray(index * 3, index * 3 + 3)
    return Math.floor((299 * red! + 587 * green! + 114 * blue! + 500) / 1_000)
  })
  const edges: number[] = []
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = (dx: number, dy: number): number => grays[(y + dy) * width + x + dx]!
      edges.push(at(0, -1) + at(0, 1) + at(-1, 0) + at(1, 0) - 4 * at(0, 0))
    }
  }
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
  const variance = (values: number[]): number =>
    values.length === 0 ? 0 : Math.max(mean(values.map((value) => value * value)) - mean(values) ** 2, 0)
  const round = (value: number, decimals: number): number => Math.round(value * 10 ** decimals) / 10 ** decimals
  return {
    sharpness: round(variance(edges), 4),
    brightness: round(mean(grays), 4),
    contrast: round(Math.sqrt(variance(grays)), 4),
    near_black_share: round(mean(grays.map((value) => (value <= 10 ? 1 : 0))), 6),
    clipped_share: round(mean(grays.map((value) => (value >= 250 ? 1 : 0))), 6),
  }
}

test.each([
  [1, 1],
  [3, 3],
  [17, 5],
  [64, 9],
  [99, 40],
  // Around the width that is measured at once.
  [4_093, 4],
  [4_094, 3],
  [4_095, 4],
  [4_096, 3],
  [8_190, 3],
  [10_001, 5],
])('noise of %i x %i pixels is measured as the formulas say', (width, height) => {
  const random = seeded(width)
  const noise = picture(width, height, () => [random() * 256, random() * 256, random() * 256])
  expect(measurePixels(noise, width, height)).toEqual(figuresByHand(noise, width, height))
  const extreme = picture(width, height, () => gray(random() < 0.5 ? 0 : 255))
  expect(measurePixels(extreme, width, height)).toEqual(figuresByHand(extreme, width, height))
})

test('every sum of a color gives the gray level of the division', () => {
  const colors = new Map<number, readonly [number, number, number]>()
  for (let red = 0; red < 256; red += 1)
    for (let green = 0; green < 256; green += 1)
      for (const blue of [0, 1, 2, 4, 8, 77, 128, 254, 255])
        colors.set(299 * red + 587 * green + 114 * blue, [red, green, blue])
  const kernel = pixelKernel()
  const sums = [...colors.keys()]
  for (let from = 0; from < sums.length; from += TILE) {
    const some = sums.slice(from, from + TILE)
    new Uint8Array(kernel.memory.buffer).set(
      some.flatMap((sum) => colors.get(sum)!),
      RGB_AT,
    )
    kernel.gray(RGB_AT, GRAY_AT[0], GRAY_AT[0] + 2 * some.length)
    const grays = new Uint16Array(kernel.memory.buffer, GRAY_AT[0], some.length)
    expect([...grays]).toEqual(some.map((sum) => Math.floor((sum + 500) / 1_000)))
  }
  expect(sums.length).toBeGreaterThan(100_000)
})

test('a photo has the figures of an independent full decode', async () => {
  const random = seeded(7)
  const [width, height] = [403, 302]
  const scene = picture(width, height, (x, y) => [
    90 + 60 * Math.sin(x / 70) + random() * 20,
    x % 97 < 40 ? 60 : 180,
    (y / height) * 255,
  ])
  const image = sharp(scene, { raw: { width, height, channels: 3 } })
  for (const jpeg of [
    await image.jpeg({ quality: 92, chromaSubsampling: '4:2:0' }).toBuffer(),
    await image.jpeg({ quality: 80, progressive: true }).toBuffer(),
    await image.greyscale().jpeg().toBuffer(),
  ]) {
    const decoded = await sharp(jpeg).toColourspace('srgb').raw().toBuffer()
    expect(await readFigures('x', jpeg, 'jpeg', new AbortController().signal)).toEqual({
      ...figuresByHand(decoded, width, height),
      note: '',
    })
  }
})

const FAULTLESS: QualityFigures = {
  width: 640,
  height: 480,
  sharpness: 500,
  brightness: 120,
  contrast: 50,
  near_black_share: 0,
  clipped_share: 0,
}

/** The figures with one of them set, in the documentation's words. */
function withFigure(figure: string, value: number): QualityFigures {
  return figure === 'shorter side' ? { ...FAULTLESS, height: value } : { ...FAULTLESS, [figure]: value }
}

interface Limit {
  fault: string
  figure: string
  verdict: string
  sign: string
  limit: number
}

/** The table of thresholds as the profile documents it: the verdict must follow what users read. */
function documentedLimits(): Limit[] {
  const yaml = readFileSync(new URL('../../../src/profiles/built-in/image-quality.yaml', import.meta.url), 'utf8')
  const cell = '(<|>=) ([\\d.]+) +'
  const row = new RegExp(`^ {4}([a-z ]+?) {2,}(shorter side|[a-z_]+) +${cell}${cell}${cell.slice(0, -2)}$`, 'gm')
  return [...yaml.matchAll(row)].flatMap(([, fault, figure, ...cells]) =>
    ['unusable', 'poor', 'fair'].map((verdict, index) => ({
      fault: fault!,
      figure: figure!,
      verdict,
      sign: cells[index * 2]!,
      limit: Number(cells[index * 2 + 1]),
    })),
  )
}

test('the documentation has a row for every rule', () => {
  expect(new Set(documentedLimits().map(({ fault }) => fault))).toEqual(new Set(RULES.map(({ fault }) => fault)))
  expect(documentedLimits()).toHaveLength(RULES.length * 3)
})

const STEP: Record<string, number> = { 'shorter side': 1, near_black_share: 1e-6, clipped_share: 1e-6 }
const VERDICT_ORDER = ['good', 'fair', 'poor', 'unusable']

test.each(documentedLimits())(
  '$fault: $figure $sign $limit is $verdict, and the next better value is not',
  ({ fault, figure, verdict, sign, limit }) => {
    const step = STEP[figure] ?? 1e-4
    const [bad, better] = sign === '<' ? [limit - step, limit] : [limit, limit - step]
    const judged = judge(withFigure(figure, bad))
    expect(judged.verdict).toBe(verdict)
    expect(judged.reason).toContain(`${fault}: ${figure} ${bad} is`)
    const next = judge(withFigure(figure, better))
    expect(VERDICT_ORDER.indexOf(next.verdict)).toBe(VERDICT_ORDER.indexOf(verdict) - 1)
  },
)

test('an image without faults is good and says so', () => {
  expect(judge(FAULTLESS)).toEqual({ verdict: 'good', reason: 'no fault found' })
})

test('the worst verdict wins, and its reason names exactly the figures that caused it', () => {
  expect(judge({ ...FAULTLESS, brightness: 30, sharpness: 12.5, contrast: 18 })).toEqual({
    verdict: 'poor',
    reason: 'too dark: brightness 30 is below 40; blurred: sharpness 12.5 is below 30',
  })
})

test('an image is not called damaged where WebAssembly cannot measure it', async () => {
  const png = await sharp({ create: { width: 40, height: 30, channels: 3, background: '#808080' } })
    .png()
    .toBuffer()
  vi.stubGlobal('WebAssembly', undefined)
  vi.resetModules()
  try {
    const reader = await import('../../../src/runtime/models/image-reader.ts')
    const error: unknown = await reader.readFigures('x', png, 'png', new AbortController().signal).catch(String)
    expect(error).toMatch(/^TypeError: .*WebAssembly/)
  } finally {
    vi.unstubAllGlobals()
  }
})
