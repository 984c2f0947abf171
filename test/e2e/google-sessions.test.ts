import { rmSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { newUser, ROOT, type Environment, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { LOCATOR_FILE } from '@imagery/local-cloud/contract/locator'
import { rowsDocument, runList, runReport, teardownDocument } from './documents.ts'

/** Every command without --local, as on Google Cloud: only the official clients are pointed elsewhere. */

const SIGNS = path.join(ROOT, 'samples', 'street-signs', 'observations.jsonl')

const PLACE = ['--project', 'imagery-local', '--region', 'us-central1']
const WORDS = PLACE.join(' ')

let user: ImageryUser
let google: Environment

const run = (args: readonly string[], environment: Environment = {}): Promise<Outcome> =>
  user.run(args, { ...google, ...environment })

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  google = { IMAGERY_LOCAL_CLOUD: path.join(user.dataDirectory, LOCATOR_FILE) }
})

afterAll(() => user.leave())

const deployment = z.object({ project_id: z.string(), region: z.string(), main_url: z.url() })

describe('with --project and --region', () => {
  test('a run before any deploy names the empty project and region, and creates nothing', async () => {
    const before = await user.holdings()
    const outcome = await run(['run', '--table', SIGNS, '--profile', 'resolution', ...PLACE, '--json'])
    expect(outcome.exitCode).toBe(1)
    expect(outcome.error()).toEqual({
      code: 'DEPLOYMENT_NOT_FOUND',
      message: 'imagery is not deployed in project imagery-local, region us-central1',
      suggestions: [`imagery deploy ${WORDS}`],
    })
    expect(await user.holdings()).toEqual(before)
  })

  test('deploy creates the services, and names the next command', async () => {
    const { exitCode, stdout, stderr } = await run(['deploy', ...PLACE])
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 0 })
    expect(stdout).toContain('Deployed to project imagery-local, region us-central1.\n')
    expect(stdout).toContain(`imagery run --table TABLE --profile PROFILE ${WORDS}\n`)
    const again = await run(['deploy', ...PLACE, '--json'])
    expect(deployment.parse(again.json())).toMatchObject({ project_id: 'imagery-local', region: 'us-central1' })
  })

  test('a run loads a local file and its images, and every later command finds it', async () => {
    const outcome = await run(['run', '--table', SIGNS, '--profile', 'image-quality', ...PLACE, '--json'])
    expect({ exitCode: outcome.exitCode, stderr: outcome.stderr }).toEqual({ exitCode: 0, stderr: '' })
    const report = runReport.parse(outcome.json())
    expect(report).toMatchObject({ state: 'complete', units: { total: 12, ok: 12, failed: 0, pending: 0 } })
    // The file's own dataset: in the region of the deployment, not where a local cloud puts it.
    expect(report.results_table).toContain('imagery-local.imagery_results_us_central1.')

    const status = await run(['status', report.run_id.slice(0, 8), ...PLACE])
    expect(status.stdout).toContain(`imagery results ${report.run_id} ${WORDS}\n`)
    const results = rowsDocument.parse((await run(['results', ...PLACE, '--json'])).json())
    expect(results.rows).toHaveLength(12)
    for (const command of [['resume'], ['retry']]) {
      const { exitCode, json } = await run([...command, report.run_id, ...PLACE, '--json'])
      expect({ command, exitCode }).toEqual({ command, exitCode: 0 })
      expect(runReport.parse(json())).toMatchObject({ run_id: report.run_id, state: 'complete' })
    }
  })

  test('the same runs are listed under --local', async () => {
    const [there, here] = await Promise.all([
      run(['runs', ...PLACE, '--json']),
      user.run(['runs', '--local', '--json']),
    ])
    expect(runList.parse(here.json())).toEqual(runList.parse(there.json()))
  })

  test('a proxy is not used for calls to this machine', async () => {
    const nowhere = 'http://127.0.0.1:9'
    const proxies = { HTTPS_PROXY: nowhere, https_proxy: nowhere, http_proxy: nowhere, grpc_proxy: nowhere }
    expect(await user.run(['status', '--local', '--json'], proxies)).toMatchObject({ exitCode: 0, stderr: '' })
  })

  test('another region is another deployment', async () => {
    const { error, exitCode } = await run(['status', '--project', 'imagery-local', '--region', 'asia-east1', '--json'])
    expect(exitCode).toBe(1)
    expect(error()).toMatchObject({
      code: 'RUN_NOT_FOUND',
      message: 'There are no runs yet in project imagery-local, region asia-east1',
    })
  })
})

test('an unknown account cannot be impersonated', async () => {
  const nobody = 'nobody@imagery-local.iam.gserviceaccount.com'
  const { exitCode, error } = await run(['runs', ...PLACE, '--json'], { IMAGERY_LOCAL_ACCOUNT: nobody })
  expect(exitCode).toBe(2)
  expect(error()).toMatchObject({ code: 'INVALID_CONFIGURATION', message: expect.stringContaining(nobody) })
})

describe('without flags', () => {
  test('the only remembered deployment is used, and suggested commands need no flag', async () => {
    const { exitCode, stdout } = await run(['status'])
    expect(exitCode).toBe(0)
    expect(stdout).toMatch(/imagery results \S+\n/)
  })

  test("imagery config selects it without the memory; config list shows each value's source", async () => {
    rmSync(user.stateFile)
    for (const setting of [
      ['project', 'imagery-local'],
      ['region', 'us-central1'],
    ]) {
      expect((await run(['config', 'set', ...setting])).exitCode).toBe(0)
    }
    expect((await run(['config', 'list', '--json'])).json()).toEqual({
      settings: [
        { setting: 'project', value: 'imagery-local', source: 'config', from: 'imagery config' },
        { setting: 'region', value: 'us-central1', source: 'config', from: 'imagery config' },
        { setting: 'name', value: null, source: 'unset', from: 'not set' },
      ],
      file: path.join(path.dirname(user.stateFile), 'config.json'),
    })
    expect(runList.parse((await run(['runs', '--json'])).json()).runs).toHaveLength(1)
    const overruled = await run(['config', 'list'], { IMAGERY_REGION: 'asia-east1' })
    expect(overruled.stdout).toMatch(/^region +asia-east1 +IMAGERY_REGION$/m)
    expect((await run(['config', 'get', 'region'])).stdout).toBe('us-central1\n')
    expect((await run(['config', 'unset', 'region', '--json'])).json()).toMatchObject({ was_set: true })
    expect((await run(['config', 'unset', 'region', '--json'])).json()).toMatchObject({ was_set: false })
  })

  test('a run is torn down in the configured project', async () => {
    expect((await run(['config', 'unset', 'project'])).exitCode).toBe(0)
    expect((await run(['config', 'list'])).stdout).toMatch(/^project +imagery-local +the local cloud$/m)
    const [newest] = runList.parse((await run(['runs', '--json'])).json()).runs
    const torn = await run(['teardown', newest!.run_id, '--json'])
    expect(torn.exitCode).toBe(0)
    expect(teardownDocument.parse(torn.json()).kept).toEqual([newest!.results_table, newest!.attempts_table])
    const status = await run(['status', newest!.run_id, '--json'])
    expect(runReport.parse(status.json()).state).toBe('torn_down')
  })
})
