import { expect, test } from 'vitest'
import type { EstimateReport } from '../../src/contracts/estimate-report.ts'
import { MEDIA_RESOLUTIONS, TIERS } from '../../src/contracts/model-options.ts'
import { formatEstimate } from '../../src/ui/estimate.ts'

const MODELS = ['gemini-3.5-flash-lite', 'gemini-3.1-flash-lite', 'gemini-3.5-flash']

const REPORT: EstimateReport = {
  profile: 'road-signs',
  source: 'samples/street-signs/observations.jsonl',
  unit: 'asset',
  units: 1_200_000,
  images: 3_200_000,
  carried: null,
  images_per_unit: [{ images: 3, units: 1_200_000 }],
  left_out: [],
  counted: { how: 'local', bytes_read: 0 },
  snapshot_bytes: 5_100_000,
  columns: Array.from({ length: 12 }, (_, index) => ({ name: `column_${index}`, type: 'STRING' as const })),
  samples: [],
  gemini: {
    model: 'gemini-3.5-flash-lite',
    tier: 'standard',
    media_resolution: null,
    stand_in: null,
    tokens: { prompt: 1e9, images: 4e9, answers: 1e8, thoughts: 1e8, total: 5.2e9 },
    assumptions: {
      characters_per_token: 3.5,
      tokens_per_image: 1_120,
      tokens_per_answer: 62,
      thought_tokens_per_answer: 50,
    },
    alternatives: MODELS.flatMap((model) =>
      TIERS.flatMap((tier) =>
        MEDIA_RESOLUTIONS.map((resolution) => ({
          model,
          tier,
          media_resolution: resolution,
          usd: 12_345.678,
          is_chosen: model === MODELS[0] && tier === 'standard' && resolution === 'high',
        })),
      ),
    ),
    price_source: 'https://cloud.google.com/vertex-ai/generative-ai/pricing',
  },
  cost_usd: { gemini: 12_345.678, bigquery: 1, cloud_run: 1, cloud_tasks: 1, pubsub: 1, total: 12_349.678 },
  cost_parts: [],
  prices_dated: { gemini: '2026-10-07', google: '2026-11-30' },
  duration: {
    seconds: 23_456,
    concurrency: 200,
    instances: 25,
    throughput_tiers: [
      { name: 'Tier 1', spend: '$10 to $250', tokens_per_minute: 2_000_000, seconds: 156_000 },
      { name: 'Tier 3', spend: 'more than $2,000', tokens_per_minute: 10_000_000, seconds: 31_200 },
    ],
    throughput_source: 'https://docs.cloud.google.com/x',
  },
  max_cost: null,
  sample: null,
  ai_generate: {
    is_better: false,
    reasons: [
      'The table is a local file, not a table in BigQuery',
      'Some units have several images',
      'Observations are in the table more than once',
    ],
    statement: null,
    sources: [],
  },
}

const STATEMENT = "SELECT asset_id\nFROM (\nSELECT\n  AI.GENERATE(\n    ('What is it?', image)))"

test.each<[string, Partial<EstimateReport>]>([
  ['a run', {}],
  [
    'a run that one statement of BigQuery would replace',
    { ai_generate: { is_better: true, reasons: [], statement: STATEMENT, sources: [] } },
  ],
])('the estimate of %s fits 80 columns, and nothing is cut', (_what, change) => {
  const text = formatEstimate({ ...REPORT, ...change }, { width: 80 })
  expect(text.split('\n').filter((line) => line.length > 80)).toEqual([])
  expect(text).not.toContain('…')
})

test('the estimate of other models has a line for each model and tier, and marks the run', () => {
  const text = formatEstimate(REPORT, { width: 80 })
  const [header = '', ...rows] = text.slice(text.indexOf('  model ')).split('\n').slice(0, 7)
  expect(header).toMatch(/model +tier +low +medium +high$/)
  expect(rows.map((row) => row.trim().split(/ +/).slice(0, 2).join(' '))).toEqual(
    MODELS.flatMap((model) => TIERS.map((tier) => `${model} ${tier}`)),
  )
  expect(rows[0]).toMatch(/\$12345\.68 \*$/)
  expect(rows.filter((row) => row.includes('*'))).toHaveLength(1)
})
