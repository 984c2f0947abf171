import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startBigQuery, type Harness } from '@imagery/local-cloud/test/bigquery/bigquery-fixture'
import type { EarlierLedger } from '../../src/contracts/carry.ts'
import { runTables, type RunTables } from '../../src/contracts/names.ts'
import { ASSET_COLUMNS, attemptColumns } from '../../src/contracts/tables.ts'
import { tableField } from '../../src/google/bigquery/bigquery.ts'
import {
  carriedCountsQuery,
  carryStatement,
  expectedCountsQuery,
  imagesToCompareQuery,
  type Comparison,
} from '../../src/run-data/sql/carry.ts'
import { builtInProfiles } from '../../src/profiles/built-in-profiles.ts'
import { geminiSpec } from '../runtime/gemini-fixtures.ts'
import { assetRow, attemptRow, image, QUESTION, type Answered, type Image } from './answered-units.ts'

const { profile } = geminiSpec()
const NOW = '261130-00000002'
const BEFORE = '261101-00000001'
const STAGED = 'gs://imagery-demo-us-central1/runs/'

let bigquery: Harness
let runs = 0
let tables: RunTables

beforeAll(async () => {
  bigquery = await startBigQuery()
  await bigquery.client.createDataset('results')
})
afterAll(() => bigquery.close())

const create = async (table: string, columns: readonly Parameters<typeof tableField>[0][]) =>
  (await bigquery.client.dataset('results').createTable(table, { schema: columns.map(tableField) }))[0]

beforeEach(async () => {
  runs += 1
  tables = runTables({ projectId: 'demo', dataset: 'results', profile: `signs${runs}`, runId: NOW })
  await create(tables.attempts, attemptColumns(profile))
})

/** Takes the snapshot of the new run, and looks at its images. */
async function snapshot(now: [string, Image[]][]): Promise<void> {
  const assets = await create(tables.assets, ASSET_COLUMNS)
  const rows = now.map(([unit, images], bucket) => assetRow(unit, images, bucket))
  await assets.insert(rows)
  const versions = await create(`${tables.results}_images`, [
    { name: 'gcs_uri', type: 'STRING' },
    { name: 'version', type: 'STRING' },
  ])
  const looked = now.flatMap(([, images]) =>
    images.map(({ uri, version }) => ({ gcs_uri: uri, version: version ?? null })),
  )
  if (looked.length > 0) await versions.insert(looked)
}

/** Makes the ledger of an earlier run. */
async function earlier(answered: Answered[], runId = BEFORE): Promise<EarlierLedger> {
  const name = `${tables.results}_${runId.replace('-', '_')}_attempts`
  const ledger = await create(name, attemptColumns(profile))
  const rows = answered.map((unit) => attemptRow(unit, runId))
  if (rows.length > 0) await ledger.insert(rows)
  return { run_id: runId, projectId: 'demo', dataset: 'results', table: name, has_answers: true }
}

function comparison(ledgers: EarlierLedger[], changes: Partial<Comparison> = {}): Comparison {
  return {
    units: `\`demo.results.${tables.assets}\``,
    versions: `\`demo.results.${tables.results}_images\``,
    ledgers,
    profile,
    questionHash: QUESTION,
    stagedPrefix: STAGED,
    trustsAddresses: false,
    ...changes,
  }
}

type Row = Record<string, unknown>

async function query(sql: string): Promise<Row[]> {
  return (await bigquery.client.query(sql))[0] as Row[]
}

/** Carries over and returns the new rows of the ledger. */
async function carried(given: Comparison): Promise<Row[]> {
  await bigquery.client.query(carryStatement(tables, NOW, given))
  return query(`SELECT * FROM results.${tables.attempts} ORDER BY unit_id`)
}

describe('an answer is carried over', () => {
  test('with its provenance, and costs the new run nothing', async () => {
    const ledger = await earlier([{ unit: 'sign', images: [image('a'), image('b')], category: 'Yield', used: ['b'] }])
    await snapshot([['sign', [image('a'), image('b')]]])
    expect(await carried(comparison([ledger]))).toMatchObject([
      {
        run_id: NOW,
        unit_id: 'sign',
        bucket: 0,
        generation: 0,
        status: 'ok',
        category: 'Yield',
        model: 'gemini-3.5-flash-lite',
        prompt_tokens: 100,
        cost_usd: 0,
        carried_from: BEFORE,
        carried_cost_usd: 0.25,
        attempt_id: expect.stringMatching(/^attempt-/),
        observation_ids: ['b'],
        gcs_uris: ['gs://city/b.jpg'],
        question_hash: QUESTION,
        input_images: [
          { observation_id: 'a', gcs_uri: 'gs://city/a.jpg', version: 'md5:a' },
          { observation_id: 'b', gcs_uri: 'gs://city/b.jpg', version: 'md5:b' },
        ],
      },
    ])
  })

  test('once, however often the statement is repeated, and not for a unit that has a row', async () => {
    const ledger = await earlier([
      { unit: 'one', images: [image('a')] },
      { unit: 'two', images: [image('b')] },
    ])
    await snapshot([
      ['one', [image('a')]],
      ['two', [image('b')]],
    ])
    const probed = {
      run_id: NOW,
      unit_id: 'two',
      bucket: 1,
      attempt_id: 'probe',
      status: 'ok',
      started_at: '2026-11-30T00:00:00Z',
      finished_at: '2026-11-30T00:00:00Z',
    }
    await bigquery.client.dataset('results').table(tables.attempts).insert([probed])
    await carried(comparison([ledger]))
    const rows = await carried(comparison([ledger]))
    expect(rows.map(({ unit_id, attempt_id }) => [unit_id, attempt_id])).toEqual([
      ['one', expect.stringMatching(/^attempt-/)],
      ['two', 'probe'],
    ])
  })

  test('from the run that got it, also when that run was carried over itself', async () => {
    const more = { cost_usd: 0, carried_from: '260901-00000000', carried_cost_usd: 0.5 }
    const ledger = await earlier([{ unit: 'sign', images: [image('a')], more }])
    await snapshot([['sign', [image('a')]]])
    expect(await carried(comparison([ledger]))).toMatchObject([
      { cost_usd: 0, carried_from: '260901-00000000', carried_cost_usd: 0.5 },
    ])
  })

  test('of a local file whose images have another address in each run, and with the new address', async () => {
    const then = `${STAGED}${BEFORE}/images/a.jpg`
    const now = `${STAGED}${NOW}/images/a.jpg`
    const ledger = await earlier([{ unit: 'sign', images: [image('a.jpg', { uri: then })] }])
    await snapshot([['sign', [image('a.jpg', { uri: now })]]])
    expect(await carried(comparison([ledger]))).toMatchObject([
      { gcs_uris: [now], input_images: [{ gcs_uri: now, version: 'md5:a.jpg' }] },
    ])
  })

  test('from the newest of several runs that matches', async () => {
    const changed = image('a', { version: 'md5:newer' })
    const oldest = await earlier([{ unit: 'sign', images: [image('a')], category: 'Stop' }], '260901-00000000')
    const newer = await earlier([{ unit: 'sign', images: [image('a')], category: 'Yield' }], '261001-00000000')
    const newest = await earlier([{ unit: 'sign', images: [changed], category: 'Stop' }], '261101-00000000')
    await snapshot([['sign', [image('a')]]])
    expect(await carried(comparison([newest, newer, oldest]))).toMatchObject([
      { carried_from: '261001-00000000', category: 'Yield' },
    ])
  })

  test('with columns of every kind, also one that is called images', async () => {
    const quality = builtInProfiles().find(({ name }) => name === 'image-quality')!
    const name = `${tables.results}_quality_attempts`
    await create(name, attemptColumns(quality))
    const own = { ...tables, attempts: `${tables.attempts}_quality` }
    await create(own.attempts, attemptColumns(quality))
    await snapshot([['sign', [image('a')]]])
    const time = '2026-01-01T00:00:00Z'
    await bigquery.client
      .dataset('results')
      .table(name)
      .insert([
        {
          run_id: BEFORE,
          unit_id: 'sign',
          bucket: 1,
          attempt_id: 'a',
          status: 'ok',
          started_at: time,
          finished_at: time,
          images: [{ observation_id: 'a', width: 640 }],
          question_hash: QUESTION,
          input_images: [{ observation_id: 'a', gcs_uri: 'gs://city/a.jpg', version: 'md5:a' }],
        },
      ])
    const ledger = { run_id: BEFORE, projectId: 'demo', dataset: 'results', table: name, has_answers: true }
    await bigquery.client.query(carryStatement(own, NOW, comparison([ledger], { profile: quality })))
    expect(await query(`SELECT images FROM results.${own.attempts}`)).toMatchObject([
      { images: [{ observation_id: 'a', width: 640 }] },
    ])
  })
})

describe('an answer is asked for again', () => {
  const CHANGED: [string, Image[], Image[]][] = [
    ['a new image', [image('a')], [image('b'), image('a')]],
    ['an image less', [image('a'), image('b')], [image('a')]],
    ['another order', [image('a'), image('b')], [image('b'), image('a')]],
    ['another content at the same address', [image('a')], [image('a', { version: 'md5:other' })]],
    ['the same content of another observation', [image('a')], [image('b', { version: 'md5:a' })]],
    ['an unknown version now', [image('a')], [image('a', { version: null })]],
    ['an unknown version then', [image('a', { version: null })], [image('a')]],
    [
      'one unknown version of several',
      [image('a'), image('b', { version: null })],
      [image('a'), image('b', { version: null })],
    ],
    [
      'another day of one of several images, which the model is told',
      [image('a'), image('b')],
      [image('a'), image('b', { taken: '2026-01-03T10:00:00Z' })],
    ],
    ['names that only look the same together', [image('a\nb'), image('c')], [image('a'), image('b\nc')]],
    ['an image that is there now', [image('a'), image('b', { version: 'missing' })], [image('a'), image('b')]],
  ]
  const SAME: [string, Image[], Image[]][] = [
    [
      'another time of an only image, which the model is not told',
      [image('a')],
      [image('a', { taken: '2026-02-03T10:00:00Z' })],
    ],
    [
      'another hour of the same day',
      [image('a'), image('b')],
      [image('a'), image('b', { taken: '2026-01-02T23:00:00Z' })],
    ],
    ['another address of the same content', [image('a')], [image('a', { uri: 'gs://moved/a.jpg' })]],
    [
      'an image that is still missing',
      [image('a'), image('b', { version: 'missing' })],
      [image('a'), image('b', { version: 'missing' })],
    ],
  ]

  test('if a model would see other images than then, and only then', async () => {
    // The images of each case are its own.
    const own = (images: Image[], index: number): Image[] =>
      images.map((each) => ({ ...each, uri: `${each.uri}?${index}` }))
    const all = [...CHANGED, ...SAME].map(
      ([what, then, now], index) => [what, own(then, index), own(now, 100 + index)] as const,
    )
    const ledger = await earlier(all.map(([unit, images]) => ({ unit, images })))
    await snapshot(all.map(([unit, , images]) => [unit, images]))
    const found = (await carried(comparison([ledger]))).map(({ unit_id }) => unit_id)
    expect(new Set(found)).toEqual(new Set(SAME.map(([what]) => what)))
  })

  test('for another question, a failure, and a ledger with other columns', async () => {
    const ledger = await earlier([
      { unit: 'other question', images: [image('a')], question: 'another question' },
      { unit: 'failed', images: [image('b')], status: 'failed' },
      { unit: 'same', images: [image('c')] },
    ])
    await snapshot([
      ['other question', [image('a')]],
      ['failed', [image('b')]],
      ['same', [image('c')]],
    ])
    expect((await carried(comparison([ledger]))).map(({ unit_id }) => unit_id)).toEqual(['same'])
    await bigquery.client
      .query(`INSERT INTO results.${tables.attempts} (run_id, unit_id, bucket, attempt_id, status, started_at, finished_at)
      SELECT 'r', '', 0, 'setup', 'setup', CURRENT_TIMESTAMP(), CURRENT_TIMESTAMP()`)
    const without = comparison([{ ...ledger, has_answers: false }])
    expect(await carried(without)).toHaveLength(2)
  })
})

describe('trusted addresses', () => {
  const trusts = { trustsAddresses: true }

  test('make an image at the same gs:// address the same, whatever is there, but none of a local file', async () => {
    const unknown = [image('a', { version: null })]
    const ledger = await earlier([
      { unit: 'same address', images: unknown },
      { unit: 'other address', images: [image('b')] },
      { unit: 'local', images: [image('c', { uri: `${STAGED}${BEFORE}/images/c.jpg` })] },
    ])
    await snapshot([
      ['same address', unknown],
      ['other address', [image('b', { uri: 'gs://moved/b.jpg' })]],
      ['local', [image('c', { uri: `${STAGED}${NOW}/images/c.jpg`, version: 'md5:other' })]],
    ])
    expect((await carried(comparison([ledger], trusts))).map(({ unit_id }) => unit_id)).toEqual(['same address'])
  })

  test('need only the staged images to be looked at', async () => {
    const staged = image('b', { uri: `${STAGED}${NOW}/images/b.jpg` })
    const ledger = await earlier([{ unit: 'sign', images: [image('a'), image('b')] }])
    await snapshot([
      ['sign', [image('a'), staged]],
      ['new', [image('c')]],
    ])
    expect(await query(imagesToCompareQuery(comparison([ledger], trusts)))).toEqual([{ gcs_uri: staged.uri }])
    // Of a unit without an earlier answer, no image decides anything.
    const all = (await query(imagesToCompareQuery(comparison([ledger])))).map(({ gcs_uri }) => gcs_uri)
    expect(new Set(all)).toEqual(new Set(['gs://city/a.jpg', staged.uri]))
  })
})

describe('the counts', () => {
  test('of new, changed, unchanged, failed and gone units are the same before and after', async () => {
    const ledger = await earlier([
      { unit: 'unchanged', images: [image('a')] },
      { unit: 'changed', images: [image('b')] },
      { unit: 'failed', images: [image('c')], status: 'failed' },
      { unit: 'throttled', images: [image('d')], status: 'throttled' },
      { unit: 'gone', images: [image('e')] },
      { unit: 'gone failed', images: [image('f')], status: 'failed' },
      { unit: '', images: [], status: 'setup' },
    ])
    await snapshot([
      ['unchanged', [image('a')]],
      ['changed', [image('b', { version: 'md5:other' }), image('b2')]],
      ['failed', [image('c')]],
      ['throttled', [image('d')]],
      ['new', [image('g')]],
      ['without an image', []],
    ])
    const given = comparison([ledger])
    const counts = {
      new_units: 2,
      changed: 1,
      unchanged: 1,
      failed_before: 2,
      gone: 2,
      carried_cost_usd: 0.25,
      images_to_ask: 5,
    }
    expect(await query(expectedCountsQuery(given))).toEqual([counts])
    await carried(given)
    expect(await query(carriedCountsQuery(tables, given))).toEqual([counts])
  })

  test('are those of new units if nothing is there to compare with', async () => {
    await snapshot([['new', [image('a')]]])
    const given = comparison([])
    expect(await carried(given)).toEqual([])
    expect(await query(carriedCountsQuery(tables, given))).toMatchObject([{ new_units: 1, gone: 0, unchanged: 0 }])
  })
})
