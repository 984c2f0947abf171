import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type * as z from 'zod'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { adminCall } from '../../src/services/local/cloud.ts'
import { readAccessLog } from './access-log.ts'
import { runReport } from './documents.ts'
import { writeManyAssets, type ManyAssets } from './many-assets.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'
import { expectEveryAssetOnce, rowsOf } from './survived-run.ts'

const ASSETS = 200

/** Seeds with an early hit, so that the shares have an effect in a run of this size. */
const RULES = {
  'every shard is delivered twice': { method: 'deliver/imagery-populate*', every: 1, effect: { kind: 'duplicate' } },
  'every tenth task is delivered twice': {
    method: 'deliver/imagery-main*/process',
    every: 10,
    effect: { kind: 'duplicate' },
  },
  '5 % of the ledger inserts fail': {
    method: 'bigquery.tabledata.insertAll',
    share: 0.05,
    seed: 27,
    effect: { kind: 'error', status: 'UNAVAILABLE' },
  },
  '5 % of the answers to ledger inserts are lost': {
    method: 'bigquery.tabledata.insertAll',
    share: 0.05,
    seed: 86,
    effect: { kind: 'lose-answer' },
  },
  '5 % of the answers to task creations are lost': {
    method: 'google.cloud.tasks.*Create*Task*',
    share: 0.05,
    seed: 45,
    effect: { kind: 'lose-answer' },
  },
}

let user: ImageryUser
let assets: ManyAssets
let accessLog: string
let clients: OfficialClients
let report: z.infer<typeof runReport>

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  assets = await writeManyAssets(user.folder, ASSETS)
  accessLog = path.join(user.folder, 'access.log')
  const faults = path.join(user.folder, 'faults.json')
  await writeFile(faults, JSON.stringify(Object.values(RULES)))
  await user.startLocalCloud({ faults, accessLog })
  clients = await officialClients(user.dataDirectory)
})

afterAll(() => user.leave())

describe('a run with duplicate deliveries, failing inserts and lost responses', () => {
  test('completes by itself with exactly one row per asset', async () => {
    const { exitCode, stdout, stderr } = await user.run([
      'run',
      '--local',
      '--table',
      assets.table,
      '--profile',
      'resolution',
      '--json',
    ])
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    report = runReport.parse(JSON.parse(stdout))
    await expectEveryAssetOnce(report, { assets, accessLog })
  })

  test.each(Object.entries(RULES).map(([name, rule], index) => ({ name, rule, index })))(
    'survived: $name',
    async ({ rule, index }) => {
      const { body } = await adminCall(clients.locator, 'GET', '/_imagery/faults')
      const state = (body as { rule: object; matched: number; applied: number }[])[index]!
      expect(state.rule).toMatchObject(rule)
      expect(state.applied).toBeGreaterThan(0)
      expect(state.matched).toBeGreaterThanOrEqual(state.applied)
    },
  )

  test('made a second attempt only when Cloud Tasks sent a task twice', async () => {
    const sql = 'SELECT asset_id, COUNT(*) AS attempts FROM TABLE GROUP BY asset_id HAVING COUNT(*) > 1'
    const several = await rowsOf<{ asset_id: string; attempts: number }>(report.attempts_table, sql)
    const log = readAccessLog(accessLog)
    for (const { asset_id, attempts } of several)
      expect(attempts, asset_id).toBeLessThanOrEqual(log.dispatches(report.run_id, asset_id))
    expect(several.length).toBeLessThanOrEqual(ASSETS / 10)
  })

  test('leaves nothing behind after teardown', async () => {
    const { exitCode } = await user.run(['teardown', report.run_id, '--local', '--delete-results', '--yes'])
    expect(exitCode).toBe(0)
    expect((await clients.inventory()).filter((name) => !name.includes('/deploy/'))).toEqual([])
  })
})
