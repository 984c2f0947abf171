import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { GeminiUser } from './gemini-user.ts'

const OWN = path.resolve(import.meta.dirname, '../fixtures/road-signs')

const STREET_SIGNS = path.resolve(import.meta.dirname, '../../samples/street-signs/observations.jsonl')

/** A folder with `observations.jsonl` and `responses.jsonl` of 262 images, if it exists on this machine. */
const RECORDING = process.env['IMAGERY_ROAD_SIGNS'] ?? ''
const hasRecording = RECORDING !== '' && existsSync(path.join(RECORDING, 'responses.jsonl'))

interface Row {
  observation_ids: string[]
  category: string
  repaired: boolean
  prompt_tokens: number
  output_tokens: number
}

interface Recorded {
  usageMetadata: { promptTokenCount: number; candidatesTokenCount: number }
}

let user: GeminiUser

function sum<Item>(items: readonly Item[], figure: (item: Item) => number): number {
  return items.reduce((total, item) => total + figure(item), 0)
}

function recorded(file: string): Recorded[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Recorded)
}

const OWN_ANSWERS = `replay:${path.join(OWN, 'answers.jsonl')}`
const OWN_TABLE = ['--table', path.join(OWN, 'observations.jsonl'), '--profile', 'road-signs']

/** The tests of a group share a local cloud and its call log. */
function inOneCloud(gemini: (user: GeminiUser) => string): void {
  beforeAll(async () => {
    user = new GeminiUser()
    await user.startCloud(gemini(user))
  })
  afterAll(() => user.leave())
}

const readsRecording = (): string => `replay:${path.join(RECORDING, 'responses.jsonl')}`
const makesUpAnswers = (asked: GeminiUser): string => `script:${asked.file('model.yaml', 'seed: 1\nlatency_ms: 20\n')}`

describe('recorded answers', () => {
  inOneCloud(() => OWN_ANSWERS)

  test('become one row per observation, with their tokens, and with malformed JSON repaired', async () => {
    const report = await user.run([...OWN_TABLE, '--unit', 'observation'])
    expect(report).toMatchObject({ state: 'complete', units: { total: 4, ok: 4, failed: 0, pending: 0 } })
    const rows = await user.results<Row>(report.run_id)
    const byObservation = Object.fromEntries(
      rows.map((row) => [row.observation_ids[0], [row.category, row.repaired, row.output_tokens]]),
    )
    // A code fence and a trailing comma are in the second and the third recorded answer.
    expect(byObservation).toEqual({
      'o1:0001': ['Stop', false, 41],
      'o1:0002': ['Speed Limit', expect.any(Boolean), 44],
      'o1:0003': ['Street name', true, 39],
      'o1:0004': ['No Parking', false, 46],
    })
    expect(sum(rows, (row) => row.prompt_tokens)).toBe(4 * 412)
    expect((await user.geminiCalls()).summary).toMatchObject({ units: 4, calls: 4, billedCalls: 4, maxCallsPerUnit: 1 })
  })

  test('stay in use in a running local cloud, even if a command asks for others', async () => {
    const before = (await user.geminiCalls()).summary
    const { exitCode, document } = await user.imagery(
      'run',
      '--local',
      ...OWN_TABLE,
      '--gemini',
      `script:${user.file('model.yaml', 'seed: 1')}`,
    )
    expect(exitCode).toBe(2)
    expect(document).toMatchObject({
      error: { code: 'INVALID_FLAG', message: expect.stringContaining('replay:') as string },
    })
    const status = (await user.imagery('local', 'status')).document
    expect(status).toMatchObject({ gemini: { answers: OWN_ANSWERS, calls: before.calls } })
  })
})

describe('a scripted model', () => {
  inOneCloud(makesUpAnswers)

  test('sees all images of an asset in one request', async () => {
    const report = await user.run([...OWN_TABLE, '--unit', 'asset'])
    expect(report.units).toEqual({ total: 2, ok: 2, failed: 0, pending: 0 })
    const { summary, units } = await user.geminiCalls()
    expect(summary).toMatchObject({ units: 2, calls: 2, billedCalls: 2 })
    expect(units.map(({ images }) => images.length)).toEqual([2, 2])
  })

  test('is called on the flex tier, at low resolution and with inline images, as the flags say', async () => {
    const table = ['--table', STREET_SIGNS, '--profile', 'road-signs']
    const low = ['--media-resolution', 'low']
    const before = (await user.geminiCalls()).summary
    const [flex, standard, usual] = await Promise.all([
      user.run([...table, ...low, '--tier', 'flex', '--image-transport', 'inline']),
      user.run([...table, ...low]),
      user.run(table),
    ])
    const { total } = flex.units
    const { summary } = await user.geminiCalls()
    expect(summary).toMatchObject({
      calls: before.calls + 3 * total,
      tiers: { ON_DEMAND_FLEX: total },
      mediaResolutions: { LOW: 2 * total },
      transports: { inline: total },
    })
    // Half the price (https://cloud.google.com/vertex-ai/generative-ai/docs/flex-paygo); the texts differ in length.
    expect(flex.cost_usd / standard.cost_usd).toBeGreaterThan(0.4)
    expect(flex.cost_usd / standard.cost_usd).toBeLessThan(0.6)
    // 280 tokens an image instead of 1,120
    const [few, many] = await Promise.all([user.results<Row>(standard.run_id), user.results<Row>(usual.run_id)])
    const images = sum(many, (row) => row.observation_ids.length)
    const tokens = (rows: readonly Row[]): number => sum(rows, (row) => row.prompt_tokens)
    expect(tokens(many) - tokens(few)).toBe(images * (1_120 - 280))
    expect(standard.cost_usd).toBeLessThan(usual.cost_usd)
  })
})

const SAMPLE_TABLE = ['--table', path.join(RECORDING, 'observations.jsonl'), '--profile', 'road-signs']

describe.skipIf(!hasRecording)('the recorded answers of a whole sample table', () => {
  inOneCloud(readsRecording)

  test('are all ok, the malformed ones repaired, every token accounted for', async () => {
    const report = await user.run([...SAMPLE_TABLE, '--unit', 'observation'])
    expect(report.units).toEqual({ total: 262, ok: 262, failed: 0, pending: 0 })
    const rows = await user.results<Row>(report.run_id)
    expect(rows.filter(({ repaired }) => repaired)).toHaveLength(4)
    const answers = recorded(path.join(RECORDING, 'responses.jsonl'))
    expect(sum(rows, (row) => row.prompt_tokens)).toBe(
      sum(answers, ({ usageMetadata }) => usageMetadata.promptTokenCount),
    )
    expect(sum(rows, (row) => row.output_tokens)).toBe(
      sum(answers, ({ usageMetadata }) => usageMetadata.candidatesTokenCount),
    )
  })
})

describe.skipIf(!hasRecording)('a scripted model of a whole sample table', () => {
  inOneCloud(makesUpAnswers)

  test('sees all images of each of 60 assets in one request', async () => {
    const report = await user.run([...SAMPLE_TABLE, '--unit', 'asset'])
    expect(report.units).toEqual({ total: 60, ok: 60, failed: 0, pending: 0 })
    const { summary, units } = await user.geminiCalls()
    expect(summary).toMatchObject({ units: 60, calls: 60, maxCallsPerUnit: 1 })
    expect(sum(units, ({ images }) => images.length)).toBe(262)
  })
})

test('without a model that can answer, nothing is created, and the next step is named', async () => {
  user = new GeminiUser()
  onTestFinished(() => user.leave())
  const { exitCode, document } = await user.imagery('run', '--local', ...OWN_TABLE)
  expect(exitCode).toBe(1)
  const { error } = document as { error: { code: string; suggestions: string[] } }
  expect(error.code).toBe('NOT_AVAILABLE')
  for (const way of ['--gemini replay:FILE', '--gemini script:FILE'])
    expect(error.suggestions.join('\n')).toContain(way)
})
