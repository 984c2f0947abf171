import sharp from 'sharp'
import { beforeAll, expect, test } from 'vitest'
import type { Asset } from '../../../src/contracts/messages.ts'
import { findProfile } from '../../../src/profiles/built-in-profiles.ts'
import { Budget } from '../../../src/runtime/budget.ts'
import { AttemptFailure } from '../../../src/runtime/models/model.ts'
import { pixelsModel } from '../../../src/runtime/models/pixels.ts'
import { damaged } from './damaged.ts'
import { Dice, everySeed, FUZZ_TIMEOUT_MS } from './seeds.ts'

let photos: Buffer[]

export async function photosOf(): Promise<Buffer[]> {
  // The same pixels in each process, so that a seed repeats.
  const dice = new Dice(47)
  const pixels = Buffer.from(Array.from({ length: 61 * 47 * 3 }, () => dice.below(256)))
  const drawn = sharp(pixels, { raw: { width: 61, height: 47, channels: 3 } })
  return Promise.all([
    drawn.clone().jpeg().toBuffer(),
    drawn.clone().jpeg({ progressive: true, chromaSubsampling: '4:4:4' }).toBuffer(),
    drawn
      .clone()
      .withMetadata({ orientation: 6, exif: { IFD0: { Copyright: 'x'.repeat(300) } } })
      .jpeg()
      .toBuffer(),
    drawn.clone().greyscale().jpeg({ quality: 5 }).toBuffer(),
    drawn.clone().png().toBuffer(),
    drawn.clone().webp().toBuffer(),
    drawn.clone().webp({ lossless: true }).toBuffer(),
  ])
}

beforeAll(async () => {
  photos = await photosOf()
})

function asset(): Asset {
  const observations = ['damaged', 'whole'].map((name) => ({
    observation_id: name,
    gcs_uri: `gs://bucket/${name}`,
    capture_time: null,
  }))
  return { unit_id: 'a', asset_id: 'a', location: null, detection_time: null, bucket: 0, observations }
}

async function measured(profile: string, bytes: Buffer, names: readonly string[]) {
  const file = async (uri: string): Promise<Buffer> => (uri.endsWith('damaged') ? bytes : photos[0]!)
  const model = pixelsModel({
    profile: findProfile(profile),
    readImage: file,
    decoding: new Budget(200_000_000),
    async readRange(uri, first, length) {
      const whole = await file(uri)
      return { bytes: whole.subarray(first, first + length), size: whole.length, checksums: undefined }
    },
  })
  const one = asset()
  const observations = one.observations.filter(({ observation_id: id }) => names.includes(id))
  return model.answer({ ...one, observations }, { signal: new AbortController().signal })
}

test.each([
  ['resolution', 400],
  ['image-quality', 150],
])(
  'any bytes are measured by %s or have a reason in plain words, and the other image of the asset is measured',
  async (profile, seeds) => {
    await everySeed(seeds, async (dice) => {
      const bytes = damaged(dice, dice.pick(photos))
      const started = performance.now()
      const alone = await measured(profile, bytes, ['damaged']).catch((error: unknown) => error)
      expect(performance.now() - started).toBeLessThan(10_000)
      const both = await measured(profile, bytes, ['damaged', 'whole'])
      if (!(alone instanceof Error)) {
        const { width, height, ...columns } = (alone as typeof both).columns
        if (profile === 'resolution') expect(Math.min(Number(width), Number(height))).toBeGreaterThan(0)
        for (const value of Object.values(columns)) expect(value).not.toBeNaN()
        return expect(both.columns['unreadable_observation_ids']).toEqual([])
      }
      if (!(alone instanceof AttemptFailure)) throw alone
      expect(alone).toMatchObject({ failure: 'unreadable_image', retryable: false })
      expect(alone.message).toMatch(/^no readable image: gs:\/\/bucket\/damaged [a-z][^\n\0]{5,400}$/)
      expect(both.columns['unreadable_observation_ids']).toEqual(['damaged'])
      if (profile === 'resolution') expect(both.columns).toMatchObject({ width: 61, height: 47 })
    })
  },
  FUZZ_TIMEOUT_MS,
)
