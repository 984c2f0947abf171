import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { inCampaign } from './campaign-length.ts'
import { runReport } from './documents.ts'
import {
  CAMPAIGN_TIMEOUT_MS,
  expectNothingLeft,
  FEWEST_CUT_OFF,
  KillCampaign,
  KILLS_OF_EACH,
  SEED,
} from './kill-campaign.ts'
import { writeManyAssets, type ManyAssets } from './many-assets.ts'
import { CAN_SEE_PROCESSES } from './programs.ts'
import { expectEveryAssetOnce } from './survived-run.ts'

const ASSETS = inCampaign({ short: 100, full: 200 })

/** Per queue, so that a run outlives several rounds of kills. */
const TASKS_PER_SECOND = 12

describe.skipIf(!CAN_SEE_PROCESSES)(
  `a run whose processes are killed, ${KILLS_OF_EACH} times each (seed ${SEED})`,
  () => {
    let user: ImageryUser
    let assets: ManyAssets
    let accessLog: string
    let environment: Record<string, string>
    let campaign: KillCampaign

    beforeAll(async () => {
      user = await newUser({ isWarm: true })
      assets = await writeManyAssets(user.folder, ASSETS)
      accessLog = path.join(user.folder, 'access.log')
      environment = { IMAGERY_FAULTS: path.join(user.folder, 'faults.json'), IMAGERY_ACCESS_LOG: accessLog }
      await writeFaults(environment['IMAGERY_FAULTS']!)
      const run = ['--table', assets.table, '--profile', 'resolution']
      campaign = new KillCampaign({
        user,
        environment,
        run,
        pace: { perSecond: TASKS_PER_SECOND, queues: 2 },
        work: 'images%2Fimages%2F',
      })
    })

    afterAll(() => user.leave())

    test(
      'has exactly one row per asset after resume, and read no image more often than it was delivered',
      async () => {
        const each = KILLS_OF_EACH
        expect(await campaign.wage()).toEqual({ main: each, populate: each, command: each, cloud: each })
        expect(campaign.runs.size).toBeGreaterThan(0)
        // The kills must have hit work in progress, or the test proves nothing.
        const log = campaign.log()
        expect(log.sends - log.tasksSent).toBeGreaterThan(FEWEST_CUT_OFF)
        for (const runId of campaign.runs) {
          const status = await user.run(['status', runId, '--local', '--json'], environment)
          await expectEveryAssetOnce(runReport.parse(status.json()), { assets, accessLog })
        }
      },
      CAMPAIGN_TIMEOUT_MS,
    )

    test('leaves nothing behind after teardown: no table, object, queue, message, process or port', async () => {
      await expectNothingLeft(user, campaign.runs, environment)
    })
  },
)

async function writeFaults(file: string): Promise<void> {
  const delay = (method: string, delayMs: number): object => ({ method, effect: { kind: 'delay', delayMs } })
  // Enough to hit a process in the middle of each kind of step.
  const rules = [
    delay('google.cloud.tasks.v2beta3.CloudTasks/BatchCreateTasks', 250),
    delay('bigquery.tabledata.insertAll', 60),
    delay('storage.objects.get', 40),
  ]
  await writeFile(file, JSON.stringify(rules))
}
