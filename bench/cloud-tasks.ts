/**
 * Measures the emulated Cloud Tasks on this machine: `node bench/cloud-tasks.ts`. Results are printed as
 * lines of `name: value`. The client runs in its own process.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { generate } from 'selfsigned'
import type { Deliver } from '@imagery/local-cloud/internal/kernel/api'
import { systemClock } from '@imagery/local-cloud/internal/kernel/clock'
import type { Gateway } from '@imagery/local-cloud/internal/kernel/gateway'
import { serveGrpc } from '@imagery/local-cloud/internal/kernel/grpc-server'
import { cloudTasksApi, type CloudTasksApi } from '@imagery/local-cloud/internal/apis/tasks/index'

const LOCATION = 'projects/bench/locations/us-central1'
const TARGET = 'https://imagery-main-1234.us-central1.run.app/process'
const BATCH = 100
const BATCHES_IN_FLIGHT = 8
const BODY = Buffer.from(JSON.stringify({ v: 1, run_id: '261123-9f3c1a7b', observations: 'x'.repeat(600) }))

const gateway: Gateway = async (_, handler) => handler({ email: 'bench@example.com' })

/** The client's half: creates `count` tasks in `queue` and prints how long it took. */
async function createTasks(port: number, queue: string, count: number): Promise<void> {
  const { v2beta3 } = await import('@google-cloud/tasks')
  const { OAuth2Client } = await import('google-auth-library')
  const authClient = new OAuth2Client()
  authClient.setCredentials({ access_token: 'token', expiry_date: Date.now() + 3_600_000 })
  const client = new v2beta3.CloudTasksClient({ projectId: 'bench', apiEndpoint: 'localhost', port, authClient })
  await client.listQueues({ parent: LOCATION })
  let next = 0
  const createBatches = async (): Promise<void> => {
    while (next < count) {
      const from = next
      next += BATCH
      const requests = Array.from({ length: BATCH }, (_, index) => ({
        parent: queue,
        task: {
          name: `${queue}/tasks/${String((from + index) * 2_654_435_761).padStart(32, '0')}`,
          httpRequest: {
            url: TARGET,
            headers: { 'content-type': 'application/json' },
            body: BODY,
            oidcToken: { serviceAccountEmail: 'imagery@bench.iam.gserviceaccount.com', audience: TARGET },
          },
        },
      }))
      const [operation] = await client.batchCreateTasks({ parent: queue, requests, requestId: crypto.randomUUID() })
      await operation.promise()
    }
  }
  const started = performance.now()
  await Promise.all(Array.from({ length: BATCHES_IN_FLIGHT }, createBatches))
  console.log(JSON.stringify({ seconds: (performance.now() - started) / 1_000 }))
  await client.close()
}

/** Runs this script again in its own process, in another role, and returns its output. */
async function runRole(role: string, args: readonly string[], roots = ''): Promise<Record<string, number>> {
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), role, ...args], {
    env: { ...process.env, GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: roots, NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`the ${role} process ended with ${code}`)
  return JSON.parse(output) as Record<string, number>
}

/** Calls a method of the API directly, without the wire. */
function call(api: CloudTasksApi, method: string, request: object): unknown {
  const handler = api.grpc?.services['google.cloud.tasks.v2beta3.CloudTasks']?.[method]
  if (!handler) throw new Error(`no method ${method}`)
  return handler(request, { principal: { email: 'bench@example.com' }, method })
}

function createQueue(api: CloudTasksApi, id: string, rateLimits: object | null = null): string {
  const name = `${LOCATION}/queues/${id}`
  call(api, 'CreateQueue', { parent: LOCATION, queue: { name, rateLimits } })
  return name
}

function fill(api: CloudTasksApi, queue: string, count: number): void {
  for (let from = 0; from < count; from += BATCH) {
    const requests = Array.from({ length: Math.min(BATCH, count - from) }, (_, index) => ({
      parent: queue,
      responseView: 'BASIC',
      task: {
        name: `${queue}/tasks/t${from + index}`,
        httpRequest: { url: TARGET, httpMethod: 'POST', headers: {}, body: BODY },
        scheduleTime: null,
        dispatchDeadline: null,
      },
    }))
    call(api, 'BatchCreateTasks', { parent: queue, requests, requestId: '' })
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

function print(name: string, value: string): void {
  console.log(`${name}: ${value}`)
}

async function benchCreate(directory: string, home: string): Promise<void> {
  const pems = await generate([{ name: 'commonName', value: 'bench' }], {
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  })
  const roots = path.join(home, 'roots.pem')
  writeFileSync(roots, pems.cert)
  const api = await cloudTasksApi({ directory, clock: systemClock, deliver: () => Promise.reject(new Error('paused')) })
  await api.start()
  const certificate = { key: pems.private, cert: pems.cert }
  const server = await serveGrpc([api], { gateway, certificate, port: 0 })
  const queue = createQueue(api, 'create')
  call(api, 'PauseQueue', { name: queue })
  const count = 100_000
  const cpu = process.cpuUsage()
  const { seconds = 0 } = await runRole('client', [String(server.port), queue, String(count)], roots)
  const used = process.cpuUsage(cpu)
  print('batchCreateTasks, one client, 8 batches of 100 in flight', `${Math.round(count / seconds)} tasks/s`)
  print('  server CPU per task', `${((used.user + used.system) / count).toFixed(1)} us`)
  await server.stop()
  await api.stop()
}

/** The restarted half: opens the store in `directory`, dispatches the first task and prints how long that took. */
async function restart(directory: string): Promise<void> {
  const emptyMb = process.memoryUsage().rss / 1e6
  let firstMs = 0
  const started = performance.now()
  const deliver: Deliver = async () => {
    firstMs ||= performance.now() - started
    return { status: 200, headers: {}, body: Buffer.alloc(0) }
  }
  const api = await cloudTasksApi({ directory, clock: systemClock, deliver })
  await api.start()
  const { tasks } = await api.describe()
  const readyMs = performance.now() - started
  call(api, 'ResumeQueue', { name: `${LOCATION}/queues/create` })
  await until(() => firstMs > 0)
  const addedMb = process.memoryUsage().rss / 1e6 - emptyMb
  const purging = performance.now()
  call(api, 'PurgeQueue', { name: `${LOCATION}/queues/create` })
  const purgeMs = performance.now() - purging
  await api.stop()
  console.log(JSON.stringify({ tasks, readyMs, firstMs, addedMb, purgeMs }))
}

async function benchRestart(directory: string): Promise<void> {
  const { tasks, readyMs = 0, firstMs = 0, addedMb = 0, purgeMs = 0 } = await runRole('restart', [directory])
  print(`restart with ${tasks} queued tasks, ready`, `${Math.round(readyMs)} ms`)
  print('  first dispatch after the start', `${Math.round(firstMs)} ms`)
  print('  memory used by them', `${Math.round(addedMb)} MB`)
  print('  purge of them all', `${Math.round(purgeMs)} ms`)
}

async function benchDispatch(
  directory: string,
  load: { queues: number; perQueue: number; concurrent: number; latencyMs: number },
): Promise<void> {
  const { queues, perQueue, concurrent, latencyMs } = load
  let answered = 0
  let inFlight = 0
  let peak = 0
  let lastMs = 0
  const deliver: Deliver = async () => {
    lastMs = performance.now()
    peak = Math.max(peak, ++inFlight)
    await new Promise((resolve) => setTimeout(resolve, latencyMs))
    inFlight -= 1
    answered += 1
    return { status: 200, headers: {}, body: Buffer.alloc(0) }
  }
  const api = await cloudTasksApi({ directory, clock: systemClock, deliver })
  const limits = { maxDispatchesPerSecond: 500, maxBurstSize: 0, maxConcurrentDispatches: concurrent }
  for (let index = 0; index < queues; index++) fill(api, createQueue(api, `q${queues}-${index}`, limits), perQueue)
  const total = queues * perQueue
  const cpu = process.cpuUsage()
  const started = performance.now()
  await api.start()
  await until(() => answered === total)
  const seconds = (lastMs - started) / 1_000
  const used = process.cpuUsage(cpu)
  print(
    `dispatch, ${queues} queue(s) of 500/s, target answering in ${latencyMs} ms`,
    `${Math.round(total / seconds)} tasks/s`,
  )
  print('  CPU per task', `${((used.user + used.system) / 1_000 / total).toFixed(3)} ms; at most ${peak} at once`)
  await api.stop()
}

/** One queue with a large backlog that is retried all the time: how long does another queue's single task wait? */
async function benchNeighbor(directory: string): Promise<void> {
  const waits: number[] = []
  let createdMs = 0
  const deliver: Deliver = async ({ headers }) => {
    if (headers['X-CloudTasks-QueueName'] !== 'quiet') return { status: 500, headers: {}, body: Buffer.alloc(0) }
    waits.push(performance.now() - createdMs)
    return { status: 200, headers: {}, body: Buffer.alloc(0) }
  }
  const api = await cloudTasksApi({ directory, clock: systemClock, deliver })
  await api.start()
  fill(api, createQueue(api, 'busy'), 50_000)
  const quiet = createQueue(api, 'quiet')
  for (let index = 0; index < 200; index++) {
    createdMs = performance.now()
    const httpRequest = { url: TARGET, httpMethod: 'POST', headers: {}, body: BODY }
    call(api, 'CreateTask', { parent: quiet, responseView: 'BASIC', task: { name: '', httpRequest } })
    await until(() => waits.length > index)
  }
  waits.sort((a, b) => a - b)
  print(
    'a lone task beside a failing backlog of 50,000, create to dispatch',
    `median ${waits[100]?.toFixed(1)} ms, p99 ${waits[198]?.toFixed(1)} ms`,
  )
  await api.stop()
}

async function main(): Promise<void> {
  const home = mkdtempSync(path.join(tmpdir(), 'imagery-bench-tasks-'))
  try {
    await benchCreate(path.join(home, 'create'), home)
    await benchRestart(path.join(home, 'create'))
    await benchDispatch(path.join(home, 'one'), { queues: 1, perQueue: 5_000, concurrent: 200, latencyMs: 350 })
    await benchDispatch(path.join(home, 'eight'), { queues: 8, perQueue: 3_000, concurrent: 200, latencyMs: 20 })
    await benchDispatch(path.join(home, 'forty'), { queues: 40, perQueue: 1_000, concurrent: 200, latencyMs: 20 })
    await benchNeighbor(path.join(home, 'neighbor'))
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

const [role, ...args] = process.argv.slice(2)
if (role === 'client') await createTasks(Number(args[0]), String(args[1]), Number(args[2]))
else if (role === 'restart') await restart(String(args[0]))
else await main()
