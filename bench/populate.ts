/**
 * Populate alone, with 20 ms added to every API call as in a real region: the service's tasks per second
 * relative to creating them one by one with the official client, and the peak memory of its largest
 * process over growing runs: `node bench/populate.ts [--sizes N,N,...] [--one-by-one N]`.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { callService } from '../src/google/cloud-run/invoke.ts'
import { checkRunOptions, newRunContext } from '../src/services/run/context.ts'
import { shards } from '../src/run-data/shards.ts'
import { stepsBeforePublishing, stepsBeforeSpending } from '../src/services/run/start.ts'
import { openStateStore } from '../src/services/session/state-store.ts'
import { localTarget } from '../src/services/session/target.ts'
import { showPipeline } from '../src/ui/steps.ts'
import { startLocalImagery, type LocalImagery } from './local-imagery.ts'
import { loadObservations } from './observations.ts'
import { closeClients, officialClients, type OfficialClients } from './official-clients.ts'
import { canMeasureProcesses, findChildren, peakMemoryMb, processorSeconds } from './processes.ts'
import { printTable } from './table.ts'

const ADDED_LATENCY_MS = 20

/**
 * Maximum concurrent requests of one service instance. The autoscaler keeps an instance at 60 % of that
 * (https://cloud.google.com/run/docs/about-instance-autoscaling), so it starts a second one meanwhile:
 * the results cover all instances, and the table shows their number.
 */
const SHARDS_AT_ONCE = 4

const { values } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,10000,100000' },
    'one-by-one': { type: 'string', default: '200' },
  },
})

const local = await startLocalImagery(['--added-latency', String(ADDED_LATENCY_MS)])
try {
  await bench(local)
} finally {
  await local.stop()
}

async function bench(local: LocalImagery): Promise<void> {
  const clients = await officialClients(local.locator.projectId)
  const oneByOne = await createOneByOne(local, clients, Number(values['one-by-one']))
  const rows = []
  for (const size of values.sizes.split(',').map(Number)) {
    const run = await prepareRun(local, clients, size)
    // Paused, so that nothing is dispatched: populate has the machine to itself and its tasks can be
    // counted.
    for (const name of run.queues) await clients.tasks.pauseQueue({ name })
    const before = populateProcesses(local)
    const seconds = await populate(run)
    const created = await countTasks(clients, run.queues)
    if (created !== size) throw new Error(`populate created ${created} tasks for ${size} assets`)
    const after = populateProcesses(local)
    const ended = [...before.keys()].find((id) => !after.has(id))
    if (ended !== undefined) throw new Error(`populate process ${ended} ended: its CPU time is unknown`)
    rows.push({
      assets: size,
      seconds,
      'tasks/s': size / seconds,
      'one by one, tasks/s': oneByOne,
      ratio: size / seconds / oneByOne,
      ...(canMeasureProcesses
        ? {
            processes: after.size,
            'CPU ms/task': ((secondsOf(after) - secondsOf(before)) * 1_000) / size,
            'peak memory MB': Math.max(...[...after.values()].map(({ peakMb }) => peakMb)),
          }
        : {}),
    })
  }
  await closeClients(clients)
  printTable(
    `the populate service, ${ADDED_LATENCY_MS} ms added to every API call (the first run loads its clients); memory of the largest process`,
    rows,
  )
  if (!canMeasureProcesses)
    console.log('\n  CPU time and peak memory come from /proc, which this system does not have.')
}

/** Tasks per second of one caller that waits for each response. */
async function createOneByOne({ locator }: LocalImagery, { tasks }: OfficialClients, count: number): Promise<number> {
  const parent = `projects/${locator.projectId}/locations/${locator.region}`
  const queue = `${parent}/queues/one-by-one`
  await tasks.createQueue({ parent, queue: { name: queue } })
  await tasks.pauseQueue({ name: queue })
  const httpRequest = { url: 'https://example.com/process', httpMethod: 'POST' as const, body: Buffer.alloc(400, ' ') }
  const startedMs = performance.now()
  for (let index = 0; index < count; index++) await tasks.createTask({ parent: queue, task: { httpRequest } })
  return count / ((performance.now() - startedMs) / 1_000)
}

type PreparedRun = ReturnType<ReturnType<typeof stepsBeforePublishing>['result']>

/** Everything that `imagery run` does before it publishes the shards. */
async function prepareRun(
  { locator, folder, dataDirectory }: LocalImagery,
  clients: OfficialClients,
  size: number,
): Promise<PreparedRun> {
  const table = await loadObservations(clients, folder, size)
  const checked = await checkRunOptions({ table, profile: 'resolution', wait: false })
  const context = newRunContext(checked, {
    target: localTarget(dataDirectory, { projectId: locator.projectId, region: locator.region }),
    store: await openStateStore(folder),
    runtimeFolder: fileURLToPath(new URL('../dist/runtime', import.meta.url)),
    signal: new AbortController().signal,
    gemini: undefined,
  })
  const counted = await showPipeline(stepsBeforeSpending(context, { canAsk: false }), 'silent')
  return showPipeline(stepsBeforePublishing(counted), 'silent')
}

/** Delivers a run's shards as Pub/Sub does, directly to the service, and waits for all responses. */
async function populate({ runId, assets, queues, deployment }: PreparedRun): Promise<number> {
  const waiting = shards(runId, assets, queues, { generation: 0, onlyPending: false }).entries()
  const startedMs = performance.now()
  const deliver = async (): Promise<void> => {
    for (const [index, shard] of waiting) {
      const data = Buffer.from(JSON.stringify(shard)).toString('base64')
      const message = { data, messageId: String(index), publishTime: new Date().toISOString() }
      const body = { message, subscription: 'bench' }
      const answer = await callService(deployment.populateUrl, '/', { method: 'POST', body, timeoutMs: 600_000 })
      if (answer.status !== 200) throw new Error(`populate answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    }
  }
  await Promise.all(Array.from({ length: SHARDS_AT_ONCE }, deliver))
  return (performance.now() - startedMs) / 1_000
}

async function countTasks({ tasksBeta }: OfficialClients, queues: readonly string[]): Promise<number> {
  const answers = await Promise.all(
    queues.map((name) => tasksBeta.getQueue({ name, readMask: { paths: ['name', 'stats'] } })),
  )
  return answers.reduce((sum, [queue]) => sum + Number(queue.stats?.tasksCount ?? 0), 0)
}

interface PopulateProcess {
  /** CPU seconds used so far. */
  seconds: number
  peakMb: number
}

/** The processes of the populate service, by their ids. */
function populateProcesses({ locator }: LocalImagery): ReadonlyMap<number, PopulateProcess> {
  const ids = findChildren(locator.pid, 'populate.js')
  return new Map(ids.map((id) => [id, { seconds: processorSeconds(id), peakMb: peakMemoryMb(id) }]))
}

function secondsOf(processes: ReadonlyMap<number, PopulateProcess>): number {
  return [...processes.values()].reduce((sum, { seconds }) => sum + seconds, 0)
}
