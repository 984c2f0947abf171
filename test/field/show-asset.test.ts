import { afterAll, beforeAll, expect, test } from 'vitest'
import { profile } from '../../src/contracts/run-spec.ts'
import { attemptColumns, resultColumns } from '../../src/contracts/tables.ts'
import { describeTable, tableField } from '../../src/google/bigquery/bigquery.ts'
import { readRows } from '../../src/services/results/read-rows.ts'
import { showAsset } from '../../src/services/results/show.ts'
import type { Ledger, RunRows } from '../../src/services/runs/results.ts'
import { formatUnits } from '../../src/ui/asset.ts'
import { LocalTables } from './local-table.ts'

const POLES = profile.parse({
  name: 'poles',
  description: 'Poles.',
  prompt: 'Which material?',
  output: { type: 'object', properties: { material: { type: 'string' }, lamps: { type: 'integer' } } },
})

const RUN = '261130-00000001'

const attempt = (id: string, changes: object) => ({
  run_id: RUN,
  unit_id: 'pole-17',
  asset_id: 'pole-17',
  bucket: 1,
  attempt_id: id,
  generation: 0,
  model: 'gemini-3.5-flash-lite',
  tier: 'standard',
  observation_ids: ['o1', 'o2'],
  gcs_uris: ['gs://b/1.jpg', 'gs://b/2.jpg'],
  started_at: '2026-11-30T10:00:00Z',
  ...changes,
})

const ATTEMPTS = [
  attempt('a2', {
    status: 'ok',
    material: 'wood',
    lamps: 2,
    raw_answer: '```{"material": "wood"\u001b[2J}```',
    repaired: true,
    model_version: 'gemini-3.5-flash-lite-001',
    prompt_tokens: 2_240,
    output_tokens: 41,
    thought_tokens: 7,
    cost_usd: 0.000_774_5,
    latency_ms: 1_234,
    finish_reason: 'STOP',
    finished_at: '2026-11-30T10:00:05.080125Z',
  }),
  attempt('a1', {
    status: 'retrying',
    cause: 'throttled',
    error_message: 'HTTP 429: quota',
    finished_at: '2026-11-30T10:00:01Z',
  }),
  {
    ...attempt('x1', {
      status: 'ok',
      material: 'steel',
      lamps: '9007199254740993',
      prompt_tokens: 1_000,
      finished_at: '2026-11-30T10:00:01Z',
    }),
    unit_id: 'pole-18',
    asset_id: 'pole-18',
  },
  { ...attempt('s1', { status: 'setup', finished_at: '2026-11-30T09:00:00Z' }), unit_id: 'setup', asset_id: null },
]

const ROWS = ['pole-17', 'pole-18', 'lamp-3'].map((id) => ({
  unit_id: id,
  asset_id: id,
  location: { latitude: 40.5, longitude: -105.25 },
  status: id === 'lamp-3' ? 'failed' : 'ok',
  material: id === 'pole-17' ? 'wood' : null,
  district: id === 'pole-17' ? 'Nord' : null,
  lamps: { 'pole-17': 2, 'pole-18': '9007199254740993' }[id] ?? null,
  detection_time: id === 'pole-18' ? '2026-06-14T17:02:11.080125Z' : null,
  observation_ids: ['o1', 'o2'],
  gcs_uris: ['gs://b/1.jpg', 'gs://b/2.jpg'],
}))

let tables: LocalTables
let rows: RunRows
let ledger: Ledger

beforeAll(async () => {
  tables = await LocalTables.start()
  const kept = [{ name: 'district', type: 'STRING' as const }]
  const results = await tables.table(resultColumns(POLES, kept).map(tableField), ROWS)
  const attempts = await tables.table(attemptColumns(POLES).map(tableField), ATTEMPTS)
  const [projectId = '', dataset = '', table = ''] = results.split('.')
  const { fields } = (await describeTable({ projectId, dataset, table }))!
  rows = { runId: RUN, table: results, from: results, fields, count: 3, key: ['unit_id'], projectId, location: 'US' }
  const columns = attemptColumns(POLES).map(({ name }) => name)
  ledger = { runId: RUN, projectId, dataset, attempts: attempts.split('.').at(-1)!, columns, location: 'US' }
})

afterAll(() => tables.close())

test('an asset is shown with its answer, its images and every attempt, oldest first', async () => {
  const units = await showAsset(rows, ledger, 'pole-17')
  expect(units).toMatchObject([
    {
      unit_id: 'pole-17',
      status: 'ok',
      location: { latitude: 40.5, longitude: -105.25 },
      kept: { district: 'Nord' },
      answer: { material: 'wood', lamps: 2 },
      images: [
        { observation_id: 'o1', gcs_uri: 'gs://b/1.jpg' },
        { observation_id: 'o2', gcs_uri: 'gs://b/2.jpg' },
      ],
      attempts: [
        {
          attempt_id: 'a1',
          status: 'retrying',
          cause: 'throttled',
          error_message: 'HTTP 429: quota',
          raw_answer: null,
        },
        {
          attempt_id: 'a2',
          status: 'ok',
          cause: null,
          answer: { material: 'wood', lamps: 2 },
          raw_answer: ATTEMPTS[0]!['raw_answer' as keyof object],
          repaired: true,
          model_version: 'gemini-3.5-flash-lite-001',
          prompt_tokens: 2_240,
          thought_tokens: 7,
          cost_usd: 0.000_774_5,
          latency_ms: 1_234,
        },
      ],
    },
  ])
  expect(Object.keys(units[0]!.answer)).toEqual(['material', 'lamps'])
  const text = formatUnits(units, 80).replaceAll(/\u001b\[\d+m/g, '')
  expect(text).not.toContain('\u001b')
  for (const part of [
    'pole-17  ok',
    'Kept from the source district Nord Answer',
    '  material  wood',
    '  o2  gs://b/2.jpg',
    '  1. retrying: throttled',
    'HTTP 429: quota',
    '1,234 ms, $0.000775, 2,240 + 41 + 7 thinking tokens',
    'gemini-3.5-flash-lite (gemini-3.5-flash-lite-001)',
    '```{"material": "wood"}```',
  ])
    expect(text.replaceAll(/\s+/g, ' ')).toContain(part.trim().replaceAll(/\s+/g, ' '))
})

test('a count of tokens that the model did not report is unknown, not 0', async () => {
  const text = formatUnits(await showAsset(rows, ledger, 'pole-18'), 120)
  expect(text).toContain('cost unknown, 1,000 + unknown tokens')
})

test('the values of an asset are those of its results: every digit of an integer, and the same text of a time', async () => {
  const [shown] = await showAsset(rows, ledger, 'pole-18')
  const { pages } = await readRows(rows, { where: "unit_id = 'pole-18'" })
  const [result] = (await Array.fromAsync(pages)).flat()
  expect(shown).toMatchObject({ detection_time: '2026-06-14T17:02:11.080125Z', answer: { lamps: '9007199254740993' } })
  expect(result).toMatchObject({ detection_time: shown!.detection_time, ...shown!.answer })
  expect(shown!.attempts).toMatchObject([
    { answer: { lamps: '9007199254740993' }, started_at: '2026-11-30T10:00:00.000Z' },
  ])
})

test('a failed asset without an attempt is shown too', async () => {
  expect(await showAsset(rows, ledger, 'lamp-3')).toMatchObject([
    { status: 'failed', kept: { district: null }, answer: { material: null }, attempts: [] },
  ])
})

test.each([
  ['pole-71', 'pole-17'],
  ['POLE-18', 'pole-18'],
  ['lamp', 'lamp-3'],
  ['pol17', 'pole-17'],
])('for %s, which no asset has, %s is suggested', async (given, meant) => {
  await expect(showAsset(rows, ledger, given)).rejects.toMatchObject({
    code: 'ASSET_NOT_FOUND',
    message: `Run ${RUN} has no asset ${given}`,
    suggestions: [`imagery show ${RUN} ${meant}`, `imagery results ${RUN} --columns unit_id`],
  })
})
