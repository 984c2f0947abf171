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
import { CAN_SEE_PROCESSES } from './programs.ts'
import { rowsOf } from './survived-run.ts'

const ASSETS = inCampaign({ short: 400, full: 1_000 })

/** Billed answers above one per asset, as a share of the assets. */
const MOST_WASTE = 0.05

/** Every answer names its image, so a row with another asset's answer is detected. */
const MODEL = 'seed: 20261123\nlatency_ms: 60\nanswer: {seen: "{{images}}"}\n'

const PROFILE = `name: seen
description: Which image was seen.
prompt: Which image is this?
output: {type: object, required: [seen], properties: {seen: {type: string}}}
`

/** The most that a kill of main can cost: the calls in progress, and as many answers whose row is being written. */
const CONCURRENCY = 2

/** Between an answer and its row, there is time for a kill. */
const SLOW_LEDGER = [{ method: 'bigquery.tabledata.insertAll', effect: { kind: 'delay', delayMs: 40 } }]

/** Slow enough that the run outlives the kills; the rest then runs at full speed. */
const TASKS_PER_SECOND = 12

interface Row {
  asset_id: string
  status: string
  seen: string
}

interface Ledger {
  attempts: number
  ids: number
  units: number
}

const assetId = (index: number): string => `asset-${String(index).padStart(4, '0')}`
const imageOf = (id: string): string => `gs://street-images/${id}.jpg`

describe.skipIf(!CAN_SEE_PROCESSES)(
  `a Gemini run of ${ASSETS} assets whose processes are killed, ${KILLS_OF_EACH} times each (seed ${SEED})`,
  () => {
    let user: ImageryUser
    let environment: Record<string, string>
    let campaign: KillCampaign

    beforeAll(async () => {
      user = await newUser({ isWarm: true })
      const file = async (name: string, text: string): Promise<string> => {
        await writeFile(path.join(user.folder, name), text)
        return path.join(user.folder, name)
      }
      const rows = Array.from({ length: ASSETS }, (_, index) => {
        const id = assetId(index)
        return `${JSON.stringify({ asset_id: id, observation_id: `${id}/1`, gcs_uri: imageOf(id) })}\n`
      })
      environment = {
        IMAGERY_ACCESS_LOG: path.join(user.folder, 'access.log'),
        IMAGERY_FAULTS: await file('faults.json', JSON.stringify(SLOW_LEDGER)),
        IMAGERY_GEMINI: `script:${await file('model.yaml', MODEL)}`,
      }
      const source = [
        '--table',
        await file('assets.jsonl', rows.join('')),
        '--profile',
        await file('seen.yaml', PROFILE),
      ]
      campaign = new KillCampaign({
        user,
        environment,
        run: [...source, '--concurrency', String(CONCURRENCY)],
        pace: { perSecond: TASKS_PER_SECOND, queues: 1 },
        work: 'aiplatform.generateContent',
      })
    })

    afterAll(() => user.leave())

    test(
      'has exactly one row per asset after resume, with its own answer, and no attempt written twice',
      async () => {
        const each = KILLS_OF_EACH
        expect(await campaign.wage()).toEqual({ main: each, populate: each, command: each, cloud: each })
        expect(campaign.runs.size).toBeGreaterThan(0)
        for (const runId of campaign.runs) {
          const status = await user.run(['status', runId, '--local', '--json'], environment)
          const report = runReport.parse(status.json())
          const units = { total: ASSETS, ok: ASSETS, failed: 0, pending: 0 }
          expect(report).toMatchObject({ state: 'complete', units })
          const rows = await rowsOf<Row>(
            report.results_table,
            'SELECT asset_id, status, seen FROM TABLE ORDER BY asset_id',
          )
          const wanted = Array.from({ length: ASSETS }, (_, index) => assetId(index))
          expect(rows).toEqual(wanted.map((id) => ({ asset_id: id, status: 'ok', seen: imageOf(id) })))
          const [ledger] = await rowsOf<Ledger>(
            report.attempts_table,
            'SELECT COUNT(*) AS attempts, COUNT(DISTINCT attempt_id) AS ids, COUNT(DISTINCT unit_id) AS units FROM TABLE',
          )
          // An answer in the ledger was not paid for twice, for any number of redeliveries.
          expect(ledger).toEqual({ attempts: ASSETS, ids: ASSETS, units: ASSETS })
        }
      },
      CAMPAIGN_TIMEOUT_MS,
    )

    test('paid for at most 5% more answers than there are assets: a killed main loses the calls in progress', async () => {
      // From the access log, which outlives the local cloud: an answer is in it before it is sent.
      const log = campaign.log()
      const billed = log.answers('aiplatform.generateContent')
      const units = campaign.runs.size * ASSETS
      // The kills must have hit calls in progress, or the test proves nothing.
      expect(log.sends - log.tasksSent).toBeGreaterThan(FEWEST_CUT_OFF)
      expect(billed).toBeGreaterThan(units)
      // Each extra answer was in progress, or not yet in the ledger, when a kill caused its task to be sent again.
      expect(billed - units).toBeLessThanOrEqual(log.sends - log.tasksSent)
      expect(billed).toBeLessThanOrEqual(units * (1 + MOST_WASTE))
    })

    test('leaves nothing behind after teardown: no table, object, queue, message, process or port', async () => {
      await expectNothingLeft(user, campaign.runs, environment)
    })
  },
)
