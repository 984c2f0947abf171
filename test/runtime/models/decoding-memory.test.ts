import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import type { Asset } from '../../../src/contracts/messages.ts'
import { runSpec, type RunSpec } from '../../../src/contracts/run-spec.ts'
import { findProfile } from '../../../src/profiles/built-in-profiles.ts'
import { Budget } from '../../../src/runtime/budget.ts'
import { modelForRun } from '../../../src/runtime/main/model-for-run.ts'
import { ImageMemory } from '../../../src/runtime/models/image-memory.ts'
import { runtimeClock } from '../../../src/runtime/clock.ts'
import { SPEC } from '../fixtures.ts'

const noise = { type: 'gaussian', mean: 128, sigma: 40 } as const
const noisy = (width: number, height: number) =>
  sharp({ create: { width, height, channels: 3, background: '#808080', noise } })

function assetOf(name: string): Asset {
  const observations = [{ observation_id: 'o', gcs_uri: `gs://bucket/${name}`, capture_time: null }]
  return { unit_id: name, asset_id: name, location: null, detection_time: null, bucket: 0, observations }
}

const signal = new AbortController().signal

/** The models of an instance with some bytes for images, and its most whole images read and not yet measured. */
function instance(files: Record<string, Buffer>, bytes: number) {
  const reads = { now: 0, most: 0 }
  const found = (uri: string): Buffer => files[uri.replace('gs://bucket/', '')]!
  const { modelFor: models } = modelForRun(
    {
      memory: new ImageMemory({ bytes: 1, clock: runtimeClock }),
      decoding: new Budget(bytes),
      clock: runtimeClock,
      async readImage(uri) {
        reads.now += 1
        reads.most = Math.max(reads.most, reads.now)
        await new Promise((resolve) => setTimeout(resolve, 20))
        reads.now -= 1
        return Buffer.from(found(uri))
      },
      async readRange(uri, first, length) {
        const file = found(uri)
        return { bytes: file.subarray(first, first + length), size: file.length, checksums: undefined }
      },
      describeObject: () => Promise.reject(new Error('not used')),
    },
    { begun: new AbortController().signal },
  )
  return { models, reads }
}

const spec = (runId: string): RunSpec =>
  runSpec.parse({ ...SPEC, run_id: runId, profile: findProfile('image-quality') })

describe('the memory for decoding', () => {
  test('is one for all runs of an instance', async () => {
    const photo = await noisy(700, 500).png().toBuffer()
    const { models, reads } = instance({ a: photo, b: photo }, photo.length + 700 * 500 * 3)
    const answers = await Promise.all(
      ['261123-9f3c1a7b', '261123-00000002'].map(async (runId, index) => {
        const model = await models(spec(runId))
        return model.answer(assetOf(index === 0 ? 'a' : 'b'), { signal })
      }),
    )
    expect(answers.map(({ columns }) => columns['width'])).toEqual([700, 700])
    expect(reads.most).toBe(1)
  })

  test.each<[string, () => Promise<Buffer>, number]>([
    ['baseline JPEG', () => noisy(400, 300).jpeg().toBuffer(), 3],
    ['CMYK JPEG', () => noisy(400, 300).toColourspace('cmyk').jpeg().toBuffer(), 3],
    ['progressive JPEG', () => noisy(400, 300).jpeg({ progressive: true }).toBuffer(), 9],
    ['16-bit PNG', () => noisy(400, 300).toColourspace('rgb16').png().toBuffer(), 3],
    ['interlaced 16-bit PNG', () => noisy(400, 300).toColourspace('rgb16').png({ progressive: true }).toBuffer(), 9],
    ['WebP', () => noisy(400, 300).webp().toBuffer(), 11],
    [
      'animated WebP',
      async () => {
        const frames = await Promise.all([1, 2].map(() => noisy(400, 300).png().toBuffer()))
        return sharp(frames, { join: { animated: true } })
          .webp()
          .toBuffer()
      },
      15,
    ],
  ])('counts what the decoder of a %s holds', async (_what, make, bytesPerPixel) => {
    const file = await make()
    const needed = file.length + 400 * 300 * bytesPerPixel
    const enough = instance({ x: file }, needed)
    expect((await (await enough.models(spec(SPEC.run_id))).answer(assetOf('x'), { signal })).columns).toMatchObject({
      width: 400,
      height: 300,
    })
    const tooLittle = instance({ x: file }, needed - 1)
    await expect((await tooLittle.models(spec(SPEC.run_id))).answer(assetOf('x'), { signal })).rejects.toThrow(
      /^no readable image: gs:\/\/bucket\/x needs \d+ MB of memory to decode, and image-quality has \d+ MB\. Make it smaller/,
    )
    expect(tooLittle.reads.most).toBe(0)
  })
})
