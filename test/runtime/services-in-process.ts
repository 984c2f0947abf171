import { randomUUID } from 'node:crypto'
// First: it sets what gRPC reads when it is loaded.
import { PLACE, startLocalRun } from './local-run.ts'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:https'
import tls from 'node:tls'
import { serve } from '@hono/node-server'
import type { Hono } from 'hono'
import { generate } from 'selfsigned'
import { invokerAccount, RUN_LABEL, subscriptionName, topicName } from '../../src/contracts/names.ts'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import type { LocalCloudOptions } from '@imagery/local-cloud'
import { createServiceAccount } from '../../src/google/admin/iam.ts'
import { insertRows } from '../../src/google/bigquery/insert-rows.ts'
import { ensurePushSubscription, ensureTopic } from '../../src/google/pubsub.ts'
import { objectVersion } from '../../src/google/storage/object-version.ts'
import { objectGeneration, readObject } from '../../src/google/storage/storage.ts'
import {
  createRunTask,
  createTask,
  createTaskBatch,
  deleteQueue,
  ensureQueue,
  pauseQueue,
  resumeQueue,
} from '../../src/google/tasks.ts'
import { bucketName, generationsPrefix } from '../../src/contracts/names.ts'
import { endPreparation } from '../../src/run-data/heartbeat-record.ts'
import { runStopOf } from '../../src/run-data/run-stop.ts'
import { publishRound } from '../../src/run-data/rounds.ts'
import { createRunTables, deleteRunTables, finalRows, streamAssets } from '../../src/run-data/run-tables.ts'
import { HeartbeatChain } from '../../src/runtime/heartbeat/chain.ts'
import { Heartbeats, runCloud, type HeartbeatDeps } from '../../src/runtime/heartbeat/heartbeats.ts'
import { FinalRows } from '../../src/runtime/ledger/final-rows.ts'
import { Ledger } from '../../src/runtime/ledger/ledger.ts'
import { mainApp } from '../../src/runtime/main/app.ts'
import type { AttemptFailure, Answer } from '../../src/runtime/models/model.ts'
import { populateApp } from '../../src/runtime/populate/app.ts'
import { RunSpecs } from '../../src/runtime/run-specs.ts'
import { RunStops } from '../../src/runtime/run-stops.ts'
import { Shutdown } from '../../src/runtime/shutdown.ts'
import { JumpingClock } from '../deploy/jumping-clock.ts'
import { FakeRunObjects } from './fake-limits.ts'
import { fakeLog, RUN_ID } from './fixtures.ts'
import { USAGE } from './gemini-fixtures.ts'

export interface ServicesOptions {
  units: number
  gemini?: Partial<NonNullable<RunSpec['gemini']>>
  /** Returns the failure of a unit's nth call, or undefined if the model answers. */
  answer?: (unitId: string, nth: number) => AttemptFailure | undefined
  /** Replaces what heartbeats do in the cloud. */
  cloud?: (real: HeartbeatDeps['cloud']) => HeartbeatDeps['cloud']
  faults?: LocalCloudOptions['faults']
  /** How the model accepts the calls of the instance that a heartbeat has reached. */
  paceOf?: HeartbeatDeps['paceOf']
}

/**
 * A certificate for 127.0.0.1, which this process trusts: Cloud Tasks sends its tokens over https only. Its name is its
 * own, because a certificate's issuer is found by name, and other files of this process have theirs.
 */
async function trustedCertificate(): Promise<{ key: string; cert: string }> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: `services ${randomUUID()}` }], {
    algorithm: 'sha256',
    keyType: 'ec',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
    ],
  })
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), cert])
  return { key, cert }
}

const ANSWER: Answer = {
  columns: { category: 'Stop', note: 'clear', count: 1 },
  repaired: false,
  modelVersion: 'gemini-3.5-flash-lite-001',
  observationsUsed: [],
  inputHash: 'abc',
  usage: USAGE,
}

/**
 * A recorded run in a local cloud, whose Pub/Sub and Cloud Tasks deliver to the real services in this process. The model
 * is scripted. One clock, which jumps, is the time of all of them.
 */
export async function startServices(options: ServicesOptions) {
  const { units, gemini = {}, answer = () => undefined, cloud = (real) => real, faults = [], paceOf } = options
  const clock = new JumpingClock()
  const run = await startLocalRun({ units, clock, gemini, faults })
  const { spec } = run
  await createServiceAccount(PLACE.projectId, invokerAccount(PLACE), { displayName: 'Invoker', description: '' })
  const { log, entries } = fakeLog()
  const asked: string[] = []
  const servers: Server[] = []
  let inProgress = 0
  const serverOptions = await trustedCertificate()
  const listen = async (appOf: (url: string) => Hono): Promise<{ url: string; app: Hono }> => {
    const built: { app?: Hono } = {}
    const fetch = async (request: Request): Promise<Response> => {
      inProgress += 1
      try {
        return await built.app!.fetch(request)
      } finally {
        inProgress -= 1
      }
    }
    const server = serve({ fetch, port: 0, hostname: '127.0.0.1', createServer, serverOptions }) as Server
    await new Promise((resolve) => server.once('listening', resolve))
    servers.push(server)
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    built.app = appOf(url)
    return { url, app: built.app }
  }
  const bucket = bucketName(PLACE)
  const specs = () => new RunSpecs({ readObject, bucket, check: () => undefined, clock })
  const unused = (): never => {
    throw new Error('not used here')
  }
  const { url: mainUrl, app: main } = await listen((url) => {
    const ledger = new Ledger({ insertRows, clock })
    const chain = new HeartbeatChain({ place: PLACE, createTask, ensureQueue, resumeQueue, clock, log })
    const ownSpecs = specs()
    const heartbeats = new Heartbeats({
      place: PLACE,
      specs: ownSpecs,
      chain,
      cloud: cloud(runCloud),
      paceOf,
      pace: 'local',
      clock,
      log,
    })
    return mainApp({
      place: PLACE,
      limits: new FakeRunObjects().limits(clock),
      control: {
        chain,
        heartbeats: async () => heartbeats,
        ownUrl: { service: undefined, region: PLACE.region, audiences: [url] },
      },
      specs: ownSpecs,
      stops: new RunStops({ read: runStopOf, clock }),
      ledger,
      finalRows: new FinalRows({ read: finalRows, clock }),
      snapshots: { touch: () => undefined },
      imageVersion: objectVersion,
      shutdown: new Shutdown(),
      modelFor: async () => ({
        async answer(asset) {
          asked.push(asset.unit_id)
          const failure = answer(asset.unit_id, asked.filter((unit) => unit === asset.unit_id).length)
          if (failure) throw failure
          return { ...ANSWER, observationsUsed: asset.observations }
        },
      }),
      permissions: {
        inProject: async (_, all) => [...all],
        onAccount: async (_, __, all) => [...all],
        onBucket: async (_, all) => [...all],
      },
      imageBuckets: async () => [],
      firstUnits: unused,
      unitsNamed: unused,
      createRunTables,
      isLedgerReady: async () => true,
      ensureQueue,
      pauseQueue,
      resumeQueue,
      deleteQueue,
      deleteLiveView: async ({ tables }) => void (await deleteRunTables(tables, ['live'])),
      clock,
      log,
      newAttemptId: () => `answer-${asked.length}`,
    })
  })
  const { url: populateUrl } = await listen(() =>
    populateApp({
      place: PLACE,
      specs: specs(),
      hasBegun: async (runId, generation) =>
        (await objectGeneration(`gs://${bucket}/${generationsPrefix(runId)}${generation}`)) !== undefined,
      streamAssets,
      createTaskBatch,
      createTask: createRunTask,
      appendAttempt: unused,
      target: { mainUrl, invoker: invokerAccount(PLACE) },
      clock,
      log,
    }),
  )
  const post = async (path: string, headers: Record<string, string> = {}) => {
    // The audience of a caller's token. In this process, nothing checks it but `ownUrl`.
    const payload = Buffer.from(JSON.stringify({ aud: mainUrl })).toString('base64url')
    const response = await main.request(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer e.${payload}.s`, ...headers },
      body: JSON.stringify({ v: 1, run_id: RUN_ID }),
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }
  return {
    ...run,
    clock,
    entries,
    asked,
    mainUrl,
    post,
    /** What a command does before and after it publishes the shards. */
    async connect() {
      const topic = topicName(PLACE, RUN_ID)
      await ensureTopic(topic, { [RUN_LABEL]: RUN_ID })
      await ensurePushSubscription(subscriptionName(PLACE, RUN_ID), {
        topic,
        endpoint: `${populateUrl}/`,
        serviceAccountEmail: invokerAccount(PLACE),
        audience: populateUrl,
        labels: {},
      })
    },
    async publish(queues: readonly string[], { generation = 0, onlyPending = false } = {}) {
      await publishRound(spec, { units, queues, round: { generation, onlyPending } })
      await endPreparation(spec)
    },
    /**
     * Lets time pass, in jumps, until something is so. It stands still for the requests in progress. Returns the
     * seconds that passed.
     */
    async until(isSo: () => Promise<boolean>, atMostSeconds = 1_800, jumpSeconds = 10): Promise<number> {
      const startMs = clock.now()
      for (let seconds = 0; !(await isSo()); seconds += jumpSeconds) {
        if (seconds > atMostSeconds) throw new Error(`not so after ${atMostSeconds} s of the clock`)
        await clock.jump(jumpSeconds * 1_000)
        do await new Promise((resolve) => setTimeout(resolve, 20))
        while (inProgress > 0)
      }
      return Math.round((clock.now() - startMs) / 1_000)
    },
    /** The outcomes of the heartbeats so far. */
    beats: () => entries.flatMap(({ message }) => /^heartbeat of run \S+: (\w+)$/.exec(message)?.[1] ?? []),
    async stop() {
      for (const server of servers) server.close()
      await run.stop()
    },
  }
}
