import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { newUser, ROOT, type Environment, type ImageryUser } from '../cli/imagery-process.ts'

const checkedThing = z.strictObject({
  check: z.string(),
  title: z.string(),
  status: z.enum(['ok', 'warning', 'failed', 'unknown']),
  detail: z.string(),
  fixes: z.array(z.string()),
})

const document = z.strictObject({
  ok: z.boolean(),
  deployment: z.strictObject({ project_id: z.string(), region: z.string(), name: z.string().nullable() }).nullable(),
  checks: z.array(checkedThing),
})

type Checked = z.infer<typeof checkedThing>

let user: ImageryUser

async function doctor(args: readonly string[] = ['--local'], environment: Environment = {}) {
  const { exitCode, stderr, json } = await user.run(['doctor', ...args, '--json'], environment)
  const { ok, deployment, checks } = document.parse(json())
  expect(ok).toBe(exitCode === 0)
  const named: Record<string, Checked> = Object.fromEntries(checks.map((each) => [each.check, each]))
  const statuses = Object.fromEntries(checks.map(({ check, status }) => [check, status]))
  return { exitCode, stderr, deployment, named, statuses }
}

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
})

afterAll(() => user.leave())

describe('without a project', () => {
  test('the missing project fails its check, with a fix', async () => {
    const { exitCode, deployment, named } = await doctor([])
    expect({ exitCode, deployment }).toEqual({ exitCode: 1, deployment: null })
    expect(named).toEqual({
      project: expect.objectContaining({
        status: 'failed',
        fixes: expect.arrayContaining(['imagery config set project PROJECT']),
      }),
    })
  })

  test('missing credentials fail their check too', async () => {
    const { exitCode, named } = await doctor(['--project', 'my-project'])
    expect(exitCode).toBe(1)
    expect(named['credentials']?.fixes).toContain('gcloud auth application-default login')
  })
})

describe('before a deploy', () => {
  test('names the caller, the APIs a deploy would enable, and the missing deployment; nothing fails and nothing is created', async () => {
    const before = await user.holdings()
    const { exitCode, named, statuses, stderr } = await doctor()
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(statuses).toEqual({
      credentials: 'ok',
      project: 'unknown',
      billing: 'unknown',
      region: 'unknown',
      apis: 'warning',
      roles_to_deploy: 'unknown',
      roles_to_run: 'unknown',
      organization: 'unknown',
      gemini: 'unknown',
      deployment: 'warning',
    })
    expect(named['gemini']?.detail).toBe('cannot be checked while aiplatform.googleapis.com is not enabled')
    expect(named['credentials']?.detail).toMatch(/^operator@imagery-local\.iam\.gserviceaccount\.com /)
    expect(named['apis']?.fixes[0]).toMatch(/^gcloud services enable .*run\.googleapis\.com.* --project imagery-local$/)
    expect(named['deployment']?.fixes).toEqual(['imagery deploy --local'])
    expect(await user.holdings()).toEqual(before)
  })

  test('a retired model fails and its successor is named', async () => {
    const { exitCode, named } = await doctor(['--local', '--model', 'gemini-2.0-flash'])
    expect(exitCode).toBe(1)
    expect(named['gemini']).toMatchObject({
      status: 'failed',
      detail: 'gemini-2.0-flash was retired on 2026-02-05',
      fixes: ['--model gemini-3.5-flash-lite'],
    })
  })
})

describe('after a deploy', () => {
  beforeAll(async () => {
    const { exitCode, stderr } = await user.run(['deploy', '--local'])
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
  })

  test('every check passes, in text and JSON', async () => {
    const { exitCode, statuses } = await doctor()
    expect(exitCode).toBe(0)
    expect(Object.keys(statuses).filter((check) => statuses[check] !== 'ok')).toEqual([])
    const { stdout } = await user.run(['doctor', '--local'])
    expect(stdout).toMatch(
      /^✔ Deployment: project imagery-local, region us-central1, up to date with this\n {2}version$/m,
    )
    expect(stdout).toMatch(/^✔ Organization policies: none of them blocks imagery$/m)
  })

  test('no check is skipped when the needed APIs are enabled; a region without Cloud Run fails', async () => {
    expect(Object.values((await doctor()).statuses)).not.toContain('unknown')
    const place = { IMAGERY_LOCAL_CLOUD: path.join(user.dataDirectory, 'local-cloud.json') }
    const atlantis = await doctor(['--project', 'imagery-local', '--region', 'us-atlantis1'], place)
    expect(atlantis.named['region']).toMatchObject({
      status: 'failed',
      detail:
        'Cloud Run and Cloud Tasks are not available in us-atlantis1; ' +
        'the nearest regions with Cloud Run and Cloud Tasks are us-central1, us-east1, us-east4',
    })
  })

  test('a model that still answers after its retirement date is reported', async () => {
    const { exitCode, named } = await doctor(['--local', '--model', 'gemini-2.5-flash'])
    expect(exitCode).toBe(0)
    expect(named['gemini']).toMatchObject({ status: 'warning', fixes: ['--model gemini-3.5-flash-lite'] })
  })

  test('an account without roles gets each missing one, with the command that grants it', async () => {
    const runtime = 'imagery-runtime@imagery-local.iam.gserviceaccount.com'
    const { exitCode, named } = await doctor(['--local'], { IMAGERY_LOCAL_ACCOUNT: runtime })
    expect(exitCode).toBe(1)
    expect(named['roles_to_run']).toMatchObject({
      status: 'failed',
      detail: expect.stringContaining('roles/run.viewer (for run.services.get'),
      fixes: expect.arrayContaining([
        `gcloud projects add-iam-policy-binding imagery-local --member serviceAccount:${runtime} --role roles/run.viewer`,
      ]),
    })
    // A user who only starts runs needs none of these; doctor still names what is missing.
    expect(named['roles_to_deploy']?.status).toBe('warning')
  })

  test('a table is described with the location of its results; a missing table, or one without images, fails', async () => {
    const signs = path.join(ROOT, 'samples', 'street-signs', 'observations.jsonl')
    const run = await user.run(['run', '--local', '--table', signs, '--profile', 'resolution', '--json'])
    const results = (run.json() as { results_table: string }).results_table
    const missing = await doctor(['--local', '--table', 'imagery-local.nowhere.signs'])
    expect(missing.exitCode).toBe(1)
    expect(missing.named['table']?.detail).toBe(
      'imagery-local.nowhere.signs: dataset imagery-local.nowhere does not exist, or this account has no access to it',
    )
    const withoutImage = await doctor(['--local', '--table', results])
    expect(withoutImage.named['table']?.detail).toMatch(/^Column images of .* holds arrays/)
    const file = await doctor(['--local', '--table', signs])
    expect(file.named['table']?.status).toBe('ok')
  })
})
