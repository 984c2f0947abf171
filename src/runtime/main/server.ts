import { randomUUID } from 'node:crypto'
import { bucketName, type DeploymentRef } from '../../contracts/names.ts'
import { answererOf } from '../../contracts/question-hash.ts'
import { insertRows } from '../../google/bigquery/insert-rows.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { createRunTables, deleteRunTables, finalRows } from '../../run-data/run-tables.ts'
import { readObject } from '../../google/storage/storage.ts'
import type * as Tasks from '../../google/tasks.ts'
import { callersOf, listenAddress } from '../callers.ts'
import { runtimeClock } from '../clock.ts'
import { startService } from '../entry.ts'
import type { HeartbeatChain } from '../heartbeat/chain.ts'
import type { Heartbeats } from '../heartbeat/heartbeats.ts'
import { mainEnvironment } from '../environment.ts'
import type { FinalRows } from '../ledger/final-rows.ts'
import { Ledger } from '../ledger/ledger.ts'
import { limitsWhenNeeded } from '../limits/limits-when-needed.ts'
import { RunSpecs } from '../run-specs.ts'
import { RunStops } from '../run-stops.ts'
import { serveUntilTerminated } from '../serve.ts'
import { Shutdown } from '../shutdown.ts'
import { checkSpec } from '../spec-rules.ts'
import { mainApp } from './app.ts'
import type { geminiHere as GeminiHere } from './gemini-here.ts'
import type { RunModels } from './model-for-run.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'

/** The deployment with its name, which only its bucket tells the services. */
function deploymentOf(place: DeploymentRef, bucket: string): DeploymentRef {
  const name = bucket.slice(bucketName(place).length + 1)
  return name === '' ? place : { ...place, name }
}

/** Loaded by the first call to Cloud Tasks, because a new instance must pass its health check first. */
type Queues = Pick<typeof Tasks, 'createTask' | 'deleteQueue' | 'ensureQueue' | 'pauseQueue' | 'resumeQueue'>
const tasks = () => import('../../google/tasks.ts')
const queues: Queues = {
  createTask: async (...of) => (await tasks()).createTask(...of),
  deleteQueue: async (...of) => (await tasks()).deleteQueue(...of),
  ensureQueue: async (...of) => (await tasks()).ensureQueue(...of),
  pauseQueue: async (...of) => (await tasks()).pauseQueue(...of),
  resumeQueue: async (...of) => (await tasks()).resumeQueue(...of),
}

/** Loaded by the first probe. */
const units = () => import('../../run-data/first-units.ts')
const ownPermissions = async () => (await import('./own-roles.ts')).ownPermissions

startService(mainEnvironment, (environment, log) => {
  const clock = runtimeClock
  const place = { projectId: environment.IMAGERY_PROJECT, region: environment.IMAGERY_REGION }
  // A local cloud's tokens give no access elsewhere.
  const local = localCloud()
  const modelOrigins = local ? undefined : environment.IMAGERY_MODEL_ORIGINS
  const ledger = new Ledger({ insertRows, clock })
  const shutdown = new Shutdown()
  let loadingModels: Promise<RunModels> | undefined
  /** Loaded by the first call, because a new instance must pass its health check first. */
  const models = (): Promise<RunModels> => {
    loadingModels ??= import('./run-models.ts').then(({ runModels }) =>
      runModels({ bucket: environment.IMAGERY_BUCKET, stops, shutdown, clock }),
    )
    return loadingModels
  }
  let loadingHere: Promise<ReturnType<typeof GeminiHere>> | undefined
  const here = (): Promise<ReturnType<typeof GeminiHere>> => {
    loadingHere ??= import('./gemini-here.ts').then(({ geminiHere }) =>
      geminiHere({
        here: local?.gemini,
        backendOf: async (spec) => (await import('../../run-data/gemini-backend.ts')).geminiBackendOf(spec),
      }),
    )
    return loadingHere
  }
  let loadingLookups: Promise<FinalRows> | undefined
  const lookups = (): Promise<FinalRows> => {
    loadingLookups ??= import('../ledger/final-rows.ts').then(
      (loaded) => new loaded.FinalRows({ read: finalRows, clock }),
    )
    return loadingLookups
  }
  const specs = new RunSpecs({
    readObject,
    bucket: environment.IMAGERY_BUCKET,
    check: (spec) => checkSpec(spec, { place, modelOrigins }),
  })
  const deployment = deploymentOf(place, environment.IMAGERY_BUCKET)
  let loadedChain: Promise<HeartbeatChain> | undefined
  /** Loaded by the first task or /setup. */
  const chain = (): Promise<HeartbeatChain> =>
    (loadedChain ??= import('../heartbeat/chain.ts').then(
      (module) => new module.HeartbeatChain({ place: deployment, ...queues, clock, log }),
    ))
  let loaded: Promise<Heartbeats> | undefined
  const heartbeats = (): Promise<Heartbeats> => {
    loaded ??= Promise.all([import('../heartbeat/heartbeats.ts'), chain()]).then(
      ([{ Heartbeats, runCloud }, beats]) => {
        const pace = local ? 'local' : 'google'
        // Without a call there is nothing to know, and nothing to load.
        const paceOf = async (...of: Parameters<RunModels['paceOf']>) => (await loadingModels)?.paceOf(...of)
        return new Heartbeats({ place: deployment, specs, chain: beats, cloud: runCloud, paceOf, pace, clock, log })
      },
    )
    return loaded
  }
  const stops = new RunStops({
    // Loaded by the first task or /setup.
    read: async (spec) => (await import('../../run-data/run-stop.ts')).runStopOf(spec),
    clock,
  })
  const limits = limitsWhenNeeded({ stops, instanceId: randomUUID(), clock, log })
  const app = mainApp({
    place,
    limits,
    callers: callersOf(environment, () => clock.now()),
    control: {
      chain: {
        touch: (runId, url) => void chain().then((loaded) => loaded.touch(runId, url)),
        begin: async (runId, url) => (await chain()).begin(runId, url),
      },
      heartbeats,
      ownUrl: {
        service: environment.K_SERVICE,
        region: environment.IMAGERY_REGION,
        audiences: environment.IMAGERY_TOKEN_AUDIENCES,
      },
    },
    specs,
    stops,
    ledger,
    finalRows: { find: async (...of) => (await lookups()).find(...of) },
    shutdown,
    modelFor: async (spec) => (await models()).modelFor(spec),
    notify: async (spec) => {
      const { notifyRun } = await import('../../run-data/notify-run.ts')
      return notifyRun(spec, { nowMs: clock.now(), looks: true })
    },
    mayPublish: async (topic) => {
      const { topicPermissions } = await import('../../google/rest/pubsub-messages.ts')
      return (await topicPermissions(topic, ['pubsub.topics.publish'])).length > 0
    },
    answeredBy: ({ gemini }) => answererOf(gemini, local?.gemini),
    refusal: local && (async (spec) => (await here())(spec)),
    // Loaded by the first /setup, because a new instance must pass its health check first.
    permissions: {
      inProject: async (...of) => (await ownPermissions()).inProject(...of),
      onAccount: async (...of) => (await ownPermissions()).onAccount(...of),
      onBucket: async (...of) => (await ownPermissions()).onBucket(...of),
    },
    imageVersion: async (...of) => (await import('../../google/storage/object-version.ts')).objectVersion(...of),
    firstUnits: async (...of) => (await units()).firstUnits(...of),
    unitsNamed: async (...named) => (await units()).unitsNamed(...named),
    imageBuckets: async ({ tables }) => (await import('../../run-data/image-buckets.ts')).imageBuckets(tables),
    createRunTables,
    isLedgerReady: async (...of) => (await import('../../run-data/ledger-marker.ts')).isLedgerReady(...of),
    snapshots: new SnapshotKeeper({
      keep: async (...of) => (await import('../../run-data/scratch-tables.ts')).keepScratchTables(...of),
      clock,
      log,
    }),
    ...queues,
    deleteLiveView: async ({ tables }) => void (await deleteRunTables(tables, ['live'])),
    clock,
    log,
    newAttemptId: randomUUID,
  })
  const hurry = (): Promise<void> => {
    shutdown.begin()
    return ledger.drain()
  }
  const giveUp = (): void => shutdown.giveUp()
  serveUntilTerminated({
    app,
    address: listenAddress(),
    port: environment.PORT,
    log,
    hurry,
    giveUp,
    close: () => limits.close(),
  })
})
