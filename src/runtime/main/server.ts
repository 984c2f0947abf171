import { randomUUID } from 'node:crypto'
import { bucketName, type DeploymentRef } from '../../contracts/names.ts'
import { answererOf } from '../../contracts/question-hash.ts'
import { insertRows } from '../../google/bigquery/insert-rows.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { firstUnits, unitsNamed } from '../../run-data/first-units.ts'
import { geminiBackendOf } from '../../run-data/gemini-backend.ts'
import { imageBuckets } from '../../run-data/image-buckets.ts'
import { runStopOf } from '../../run-data/run-stop.ts'
import { isLedgerReady } from '../../run-data/ledger-marker.ts'
import { keepScratchTables } from '../../run-data/scratch-tables.ts'
import { createRunTables, deleteRunTables, finalRows } from '../../run-data/run-tables.ts'
import { objectVersion } from '../../google/storage/object-version.ts'
import { describeObject, readObject, readObjectRange } from '../../google/storage/storage.ts'
import { createTask, deleteQueue, ensureQueue, pauseQueue, resumeQueue } from '../../google/tasks.ts'
import { Budget } from '../budget.ts'
import { callersOf, listenAddress } from '../callers.ts'
import { runtimeClock } from '../clock.ts'
import { startService } from '../entry.ts'
import { HeartbeatChain } from '../heartbeat/chain.ts'
import type { Heartbeats } from '../heartbeat/heartbeats.ts'
import { mainEnvironment } from '../environment.ts'
import { FinalRows } from '../ledger/final-rows.ts'
import { Ledger } from '../ledger/ledger.ts'
import { imageRangeReader, imageReader } from '../models/fetch-image.ts'
import { decodingBytes, ImageMemory, imageMemoryBytes } from '../models/image-memory.ts'
import { RunSpecs } from '../run-specs.ts'
import { RunStops } from '../run-stops.ts'
import { explainUnstaged } from '../unstaged-images.ts'
import { serveUntilTerminated } from '../serve.ts'
import { Shutdown } from '../shutdown.ts'
import { checkSpec } from '../spec-rules.ts'
import { mainApp } from './app.ts'
import { geminiHere } from './gemini-here.ts'
import { SnapshotKeeper } from './snapshot-keeper.ts'
import { modelForRun } from './model-for-run.ts'

/** The deployment with its name, which only its bucket tells the services. */
function deploymentOf(place: DeploymentRef, bucket: string): DeploymentRef {
  const name = bucket.slice(bucketName(place).length + 1)
  return name === '' ? place : { ...place, name }
}

const ownPermissions = async () => (await import('./own-roles.ts')).ownPermissions

startService(mainEnvironment, (environment, log) => {
  const clock = runtimeClock
  const place = { projectId: environment.IMAGERY_PROJECT, region: environment.IMAGERY_REGION }
  // A local cloud's tokens give no access elsewhere.
  const local = localCloud()
  const modelOrigins = local ? undefined : environment.IMAGERY_MODEL_ORIGINS
  const explained = explainUnstaged({ readObject, bucket: environment.IMAGERY_BUCKET })
  const ledger = new Ledger({ insertRows, clock })
  const shutdown = new Shutdown()
  const specs = new RunSpecs({
    readObject,
    bucket: environment.IMAGERY_BUCKET,
    check: (spec) => checkSpec(spec, { place, modelOrigins }),
  })
  const deployment = deploymentOf(place, environment.IMAGERY_BUCKET)
  const chain = new HeartbeatChain({ place: deployment, createTask, ensureQueue, resumeQueue, clock, log })
  let loaded: Promise<Heartbeats> | undefined
  const heartbeats = (): Promise<Heartbeats> => {
    loaded ??= import('../heartbeat/heartbeats.ts').then(({ Heartbeats, runCloud }) => {
      const pace = local ? 'local' : 'google'
      return new Heartbeats({ place: deployment, specs, chain, cloud: runCloud, pace, clock, log })
    })
    return loaded
  }
  const app = mainApp({
    place,
    callers: callersOf(environment, () => clock.now()),
    control: {
      chain,
      heartbeats,
      ownUrl: {
        service: environment.K_SERVICE,
        region: environment.IMAGERY_REGION,
        audiences: environment.IMAGERY_TOKEN_AUDIENCES,
      },
    },
    specs,
    stops: new RunStops({ read: runStopOf, clock }),
    ledger,
    finalRows: new FinalRows({ read: finalRows, clock }),
    shutdown,
    modelFor: modelForRun(
      {
        readImage: imageReader({ readObject: explained(readObject), clock }),
        readRange: imageRangeReader({ readRange: explained(readObjectRange), clock }),
        describeObject: explained(describeObject),
        memory: new ImageMemory({ bytes: imageMemoryBytes(), clock }),
        decoding: new Budget(decodingBytes()),
      },
      shutdown,
    ),
    answeredBy: ({ gemini }) => answererOf(gemini, local?.gemini),
    refusal: local && geminiHere({ here: local.gemini, backendOf: geminiBackendOf }),
    // Loaded by the first /setup, because a new instance must pass its health check first.
    permissions: {
      inProject: async (...of) => (await ownPermissions()).inProject(...of),
      onAccount: async (...of) => (await ownPermissions()).onAccount(...of),
      onBucket: async (...of) => (await ownPermissions()).onBucket(...of),
    },
    firstUnits,
    imageVersion: objectVersion,
    unitsNamed,
    imageBuckets: ({ tables }) => imageBuckets(tables),
    createRunTables,
    isLedgerReady,
    snapshots: new SnapshotKeeper({ keep: keepScratchTables, clock, log }),
    ensureQueue,
    pauseQueue,
    resumeQueue,
    deleteQueue,
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
  serveUntilTerminated({ app, address: listenAddress(), port: environment.PORT, log, hurry, giveUp })
})
