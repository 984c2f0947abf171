import { describe, expect, test } from 'vitest'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import { checkSpec, SpecError } from '../../src/runtime/spec-rules.ts'
import { PLACE, RUN_ID, SPEC } from './fixtures.ts'
import { geminiSpec } from './gemini-fixtures.ts'
import { mainService } from './main-service.ts'
import { populateService } from './populate-service.ts'

const NOWHERE = { place: PLACE, modelOrigins: [] }

/** Attacks by a user who can write to the bucket but not act as the runtime. */
const FOREIGN: Record<string, RunSpec> = {
  'is of another project': { ...SPEC, place: { ...PLACE, projectId: 'other' } },
  'is of another region': { ...SPEC, place: { ...PLACE, region: 'europe-west1' } },
  'writes into another project': { ...SPEC, tables: { ...SPEC.tables, projectId: 'other' } },
  'writes into a table that is not its own': { ...SPEC, tables: { ...SPEC.tables, attempts: 'salaries' } },
  'writes into another run’s ledger': {
    ...SPEC,
    tables: { ...SPEC.tables, attempts: SPEC.tables.attempts.replace('9f3c1a7b', '00000000') },
  },
  'reads another table': { ...SPEC, tables: { ...SPEC.tables, assets: 'salaries' } },
}

describe('a run’s spec', () => {
  test('of the deployment is accepted', () => {
    expect(() => checkSpec(SPEC, NOWHERE)).not.toThrow()
  })

  test.each(Object.entries(FOREIGN))(
    'that %s is refused by both services, and nothing is created',
    async (_what, spec) => {
      const specs = new Map([[RUN_ID, spec]])
      const main = mainService({ specs })
      const answer = await main.process()
      expect(answer.status).toBe(403)
      expect(await answer.json()).toMatchObject({ error: { code: 'RUN_REFUSED' } })
      expect([main.asked, main.rows]).toEqual([[], []])
      const populate = populateService({ specs })
      expect(await populate.push()).toMatchObject({ status: 200, body: { outcome: 'dropped' } })
      expect([populate.tasks.size, populate.ranges]).toEqual([0, []])
    },
  )
})

describe('a model’s endpoint, which gets the runtime’s access token,', () => {
  const asking = (endpoint: string): RunSpec => geminiSpec({ endpoint })

  test.each([
    'https://us-central1-aiplatform.googleapis.com',
    'https://aiplatform.googleapis.com/',
    'https://aiplatform.eu.rep.googleapis.com',
  ])('may be Google’s own: %s', (endpoint) => {
    expect(() => checkSpec(asking(endpoint), NOWHERE)).not.toThrow()
  })

  test.each([
    'https://evil.example.com',
    'https://googleapis.com.evil.example.com',
    'https://evilgoogleapis.com',
    'https://aiplatform.googleapis.com@evil.example.com',
    'https://evil.example.com/#.googleapis.com',
    'https://aiplatform.googleapis.com:8443',
    'http://aiplatform.googleapis.com',
    'http://169.254.169.254',
  ])('may not be %s', (endpoint) => {
    expect(() => checkSpec(asking(endpoint), NOWHERE)).toThrow(SpecError)
  })

  test.each([
    'https://me:hunter2@aiplatform.googleapis.com',
    'https://hunter2@aiplatform.googleapis.com',
    'https://aiplatform.googleapis.com/?key=hunter2',
    'https://aiplatform.googleapis.com/#hunter2',
  ])('may not contain a secret, not even in a local cloud, and none is repeated: %s', (endpoint) => {
    for (const modelOrigins of [[], undefined]) {
      const check = (): void => checkSpec(asking(endpoint), { place: PLACE, modelOrigins })
      expect(check).toThrow(SpecError)
      expect(check).not.toThrow(/hunter2/)
    }
  })

  test('may be at an origin that the deployment’s owner allows, and only there', () => {
    const rules = { place: PLACE, modelOrigins: ['https://proxy.example.com'] }
    expect(() => checkSpec(asking('https://proxy.example.com/gemini/'), rules)).not.toThrow()
    expect(() => checkSpec(asking('https://other.example.com'), rules)).toThrow(
      /imagery deploy --allow-model-origin https:\/\/other\.example\.com$/,
    )
  })

  test('may be anywhere in a local cloud, whose tokens give no access', () => {
    expect(() => checkSpec(asking('http://127.0.0.1:9'), { place: PLACE, modelOrigins: undefined })).not.toThrow()
  })
})
