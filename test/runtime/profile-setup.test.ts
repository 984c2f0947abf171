import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { responseSchema } from '../../src/contracts/answer-check.ts'
import { ImageryError } from '../../src/contracts/errors.ts'
import { runTables } from '../../src/contracts/names.ts'
import type { Profile, RunSpec } from '../../src/contracts/run-spec.ts'
import { ASSET_COLUMNS } from '../../src/contracts/tables.ts'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'
import { describeTable, ensureDataset, ensureTable } from '../../src/google/bigquery/bigquery.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { claimResults, createRunTables, runTable, writeResults } from '../../src/run-data/run-tables.ts'
import { loadProfileFile } from '../../src/profiles/resolve-profile.ts'
import { mainApp } from '../../src/runtime/main/app.ts'
import { Shutdown } from '../../src/runtime/shutdown.ts'
import { FakeRunObjects } from './fake-limits.ts'
import type { RunSpecs } from '../../src/runtime/run-specs.ts'
import { randomFrom } from '../e2e/random.ts'
import { fakeLog, fakeStops, PLACE, post, SPEC } from './fixtures.ts'
import { accessToken } from '@imagery/local-cloud/test/host/local-cloud-fixture'

/*
 * A profile that `imagery profiles validate` accepts must never fail later: not when /setup creates the
 * run's tables, not when its results are written, not at the first model call. One local cloud for all.
 */

const folder = mkdtempSync(path.join(tmpdir(), 'imagery-profile-setup-'))
let cloud: LocalCloud

beforeAll(async () => {
  const script = path.join(folder, 'model.yaml')
  writeFileSync(script, '')
  cloud = await startLocalCloud({
    dataDir: path.join(folder, 'cloud'),
    gemini: `script:${script}`,
    allServicesEnabled: true,
  })
  useLocalCloud(cloud.locator)
  await ensureDataset(
    { projectId: cloud.locator.projectId, dataset: 'imagery_results_us' },
    { location: 'US', description: 'Results.' },
  )
})

afterAll(async () => {
  await cloud.stop()
  rmSync(folder, { recursive: true })
})

/** The result of `profiles validate`: the profile, or the lines of its problems. */
function validate(content: unknown): Profile | string[] {
  const file = path.join(folder, 'profile.json')
  writeFileSync(file, JSON.stringify(content, null, 1))
  try {
    return loadProfileFile(file)
  } catch (error) {
    if (!(error instanceof ImageryError)) throw error
    expect(error).toMatchObject({ code: 'INVALID_PROFILE', exitCode: 2 })
    return error.message.split('\n').map((line) => line.slice(file.length + 1))
  }
}

let runs = 0

function specOf(profile: Profile): RunSpec {
  const { projectId } = cloud.locator
  const runId = `261123-${(runs += 1).toString(16).padStart(8, '0')}`
  const tables = runTables({ projectId, dataset: 'imagery_results_us', profile: profile.name, runId })
  return { ...SPEC, run_id: runId, place: { ...PLACE, projectId }, profile, tables: tables }
}

/** Calls /setup for a run of the profile, and returns its answer. */
async function setUp(spec: RunSpec): Promise<{ status: number; body: unknown }> {
  const unused = (): never => {
    throw new Error('not for /setup')
  }
  const app = mainApp({
    limits: new FakeRunObjects().limits(new ManualClock()),
    place: spec.place,
    specs: { refresh: async () => spec } as unknown as RunSpecs,
    stops: fakeStops(),
    permissions: {
      inProject: async (_, wanted) => [...wanted],
      onAccount: async (_, __, wanted) => [...wanted],
      onBucket: async (_, wanted) => [...wanted],
    },
    imageBuckets: async () => [],
    firstUnits: async () => [],
    unitsNamed: async () => [],
    createRunTables,
    isLedgerReady: async () => true,
    imageVersion: unused,
    snapshots: { touch: unused },
    ensureQueue: async () => 'created',
    deleteQueue: unused,
    pauseQueue: unused,
    resumeQueue: unused,
    deleteLiveView: unused,
    finalRows: { find: unused },
    shutdown: new Shutdown(),
    ledger: { append: unused, withWriter: unused },
    modelFor: unused,
    clock: new ManualClock(),
    log: fakeLog().log,
    newAttemptId: unused,
  })
  const answer = await app.request('/setup', post({ v: 1, run_id: spec.run_id }))
  return { status: answer.status, body: await answer.json() }
}

/** The whole life of a run's tables, and one model call. */
async function expectWorks(profile: Profile): Promise<void> {
  const spec = specOf(profile)
  const label = { 'imagery-run': spec.run_id }
  await ensureTable(runTable(spec.tables, 'assets'), { columns: ASSET_COLUMNS, description: 'Assets.', labels: label })
  expect(await setUp(spec)).toMatchObject({ status: 200 })
  expect(await claimResults(spec)).toBe(true)
  await writeResults(spec, `results-${spec.run_id}`)
  if (profile.prompt !== undefined) await expectAnswered(profile)
}

async function expectAnswered(profile: Profile): Promise<void> {
  const { http, projectId } = cloud.locator
  const model = `projects/${projectId}/locations/global/publishers/google/models/gemini-3.5-flash-lite`
  const answer = await fetch(`${http}/v1/${model}:generateContent`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await accessToken(cloud)}` },
    body: JSON.stringify({
      contents: [{ role: 'user', parts: [{ text: profile.prompt }] }],
      generationConfig: { responseMimeType: 'application/json', responseSchema: responseSchema(profile.output) },
    }),
  })
  expect([answer.status, answer.ok ? '' : await answer.text()]).toEqual([200, ''])
}

/** Valid column names that could be a problem in SQL or JavaScript. */
const NAMES = `width Height _x a1 select GROUP order from hash asset live current_attempt constructor toString
  hasOwnProperty valueOf length assets unit key ${'x'.repeat(300)}`.split(/\s+/)

/** Invalid column names, and one that differs from another only in case. */
const BAD_NAMES = [
  ...'status Asset_ID OBSERVATIONS bucket location run_id cost_usd GCS_uris raw_answer _TABLE_x _file_y'.split(' '),
  ...'_PARTITIONTIME _row_timestamp __ROOT__z _COLIDENTIFIER _change_type 1a a-b a.b größe $x __proto__ WIDTH'.split(
    ' ',
  ),
  'a b',
  '',
  "x'",
  'x'.repeat(301),
]

const WHERES = ["kind = 'sign'", "note != ')'", 'TRUE -- all', 'a = 1)', "a = 'x", '(a', '', ';', '/* x', 'a IN (1, 2)']

/** A profile generated from the seed, valid or invalid in one or more ways. */
function generated(seed: number): object {
  const random = randomFrom(seed * 7_919)
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random() * items.length)]!
  const chance = (share: number): boolean => random() < share
  /** Three quarters of the seeds use harmless names, so that many profiles are valid. */
  const names = seed % 4 === 0 ? [...NAMES, ...BAD_NAMES] : NAMES
  const value = (depth: number): object => {
    const described = chance(0.3) ? { description: 'd'.repeat(pick([1, 20, 1_024, ...(seed % 3 ? [] : [1_025])])) } : {}
    switch (pick(['string', 'enum', 'integer', 'number', 'boolean', 'object', 'array'])) {
      case 'string':
        return { type: 'string', ...described, ...(chance(0.3) ? { maxLength: 200 } : {}) }
      case 'enum':
        return { type: 'string', ...described, enum: ['good', 'bad', 'e'.repeat(pick([1, 99, 300]))], maxLength: 299 }
      case 'integer':
        return { type: 'integer', ...described, minimum: pick([0, 0.5, -7]), maximum: pick([0.7, 7, 2 ** 60]) }
      case 'number':
        return {
          type: 'number',
          ...described,
          ...(chance(0.5) ? { minimum: pick([-1, 1]), maximum: pick([1, 2]) } : {}),
        }
      case 'object':
        return depth > 17 ? { type: 'boolean' } : { ...object(depth + 1), ...described }
      case 'array':
        return {
          type: 'array',
          ...described,
          ...(chance(0.95) ? { items: value(depth + 1) } : {}),
          ...(chance(0.3) ? { minItems: pick([0, 3]), maxItems: pick([2, 5]) } : {}),
        }
      default:
        return { type: 'boolean', ...described }
    }
  }
  const object = (depth: number): object => {
    const count = depth === 1 ? 1 + Math.floor(random() * 6) : chance(0.05) ? 0 : 1 + Math.floor(random() * 2)
    const properties = Object.fromEntries(Array.from({ length: count }, () => [pick(names), value(depth)]))
    return { type: 'object', properties, ...(chance(0.5) ? { required: Object.keys(properties).slice(0, 1) } : {}) }
  }
  return {
    name: 'generated',
    description: 'D'.repeat(pick([1, 12_000, ...(seed % 5 ? [] : [12_001])])),
    prompt: pick(['What is it?', 'p'.repeat(100_000)]),
    ...(chance(0.4) ? { where: pick(seed % 4 === 0 ? WHERES : WHERES.slice(0, 3)) } : {}),
    output: object(1),
  }
}

test('any generated profile that validate accepts is set up, gets its results table and can be used', async () => {
  const taken: Profile[] = []
  const refused: string[] = []
  for (let seed = 1; seed <= 120; seed += 1) {
    const result = validate(generated(seed))
    if (Array.isArray(result)) refused.push(...result)
    else taken.push(result)
  }
  // The variety is real: enough of both, and refusals for many reasons, each with its line.
  expect([taken.length, refused.length].map((count) => count >= 20)).toEqual([true, true])
  expect(new Set(refused.map((line) => line.replace(/^\d+: \S+ /, ''))).size).toBeGreaterThanOrEqual(10)
  for (const line of refused) expect(line).toMatch(/^\d+: \S/)
  for (const profile of taken.slice(0, 20)) await expectWorks(profile)
}, 60_000)

/** Structs in structs, with the value at this level; the output's properties are the first. */
const structs = (levels: number): object => ({
  a: levels === 1 ? { type: 'boolean' } : { type: 'object', properties: structs(levels - 1) },
})
/** The same for lists. */
const lists = (levels: number): object => ({
  a: { type: 'array', items: levels === 1 ? { type: 'boolean' } : { type: 'object', properties: lists(levels - 1) } },
})

test.each([
  ['structs', structs(15), structs(16), /^\d+: \S+: BigQuery nests structs at most 15 levels deep$/],
  ['lists', lists(7), lists(8), /^\d+: \S+: is more than 16 levels deep, including arrays/],
])(
  '%s as deep as validate accepts are set up and used; deeper ones are refused',
  async (_what, within, beyond, reason) => {
    const profileOf = (properties: object): object => ({
      name: 'deep',
      description: 'Deep.',
      prompt: 'What is it?',
      output: { type: 'object', properties },
    })
    const profile = validate(profileOf(within))
    if (Array.isArray(profile)) throw new Error(profile.join('\n'))
    await expectWorks(profile)
    expect(validate(profileOf(beyond))).toEqual([expect.stringMatching(reason)])
  },
)

test('/setup refuses what validate refuses, from any client, and creates no table', async () => {
  const where = "a = 'x"
  const spec = specOf({
    name: 'foreign',
    description: 'Of another program.',
    prompt: 'What is it?',
    where,
    output: { type: 'object', properties: { Status: { type: 'string', description: 'd'.repeat(1_025) } } },
  })
  expect(validate(spec.profile)).toHaveLength(3)
  const { status, body } = await setUp(spec)
  expect([status, body]).toEqual([
    403,
    {
      error: {
        code: 'RUN_REFUSED',
        message: `the profile of run ${spec.run_id} is not valid: output.properties.Status is a column name that imagery reserves; choose another name; where opens ' and does not close it; output.properties.Status.description has 1,025 characters; the limit for a BigQuery column description is 1,024`,
      },
    },
  ])
  expect(await describeTable(runTable(spec.tables, 'attempts'))).toBeUndefined()
})
