import { expect, test } from 'vitest'
import type { RunOptions } from '../../../src/services/options/run-options.ts'
import { snapshotSource } from '../../../src/services/run/read-source.ts'

function sampleOf(options: Partial<RunOptions>, earlierSeed?: string): unknown {
  const context = {
    options,
    profile: {},
    choice: { unit: 'asset', images: { max_per_unit: 6, pick: 'latest' } },
    source: { kind: 'table' },
    runId: '261130-00000001',
    earlier: earlierSeed === undefined ? undefined : { spec: { source: { parameters: { seed: earlierSeed } } } },
  }
  return snapshotSource(context as never, 'p.d.t', {} as never).sample
}

test('a sample has the seed of the user, else of the run that it updates, else of its own run', () => {
  expect(sampleOf({ sample: 5, seed: 'S' })).toEqual({ size: 5, seed: 'S' })
  expect(sampleOf({ sample: 5, seed: 'S' }, 'E')).toEqual({ size: 5, seed: 'S' })
  expect(sampleOf({ sample: 5 }, 'E')).toEqual({ size: 5, seed: 'E' })
  expect(sampleOf({ sample: 5 })).toEqual({ size: 5, seed: '261130-00000001' })
  expect(sampleOf({})).toBeNull()
})
