import { generationsPrefix } from '../../contracts/names.ts'
import { insertRows } from '../../google/bigquery/insert-rows.ts'
import { streamAssets } from '../../run-data/run-tables.ts'
import { objectGeneration, readObject } from '../../google/storage/storage.ts'
import { createRunTask, createTaskBatch } from '../../google/tasks.ts'
import { callersOf, listenAddress } from '../callers.ts'
import { runtimeClock } from '../clock.ts'
import { startService } from '../entry.ts'
import { populateEnvironment } from '../environment.ts'
import { Ledger } from '../ledger/ledger.ts'
import { RunSpecs } from '../run-specs.ts'
import { serveUntilTerminated } from '../serve.ts'
import { checkSpec } from '../spec-rules.ts'
import { populateApp } from './app.ts'

startService(populateEnvironment, (environment, log) => {
  const clock = runtimeClock
  const place = { projectId: environment.IMAGERY_PROJECT, region: environment.IMAGERY_REGION }
  const ledger = new Ledger({ insertRows, clock })
  const app = populateApp({
    place,
    callers: callersOf(environment, () => clock.now()),
    // The main service checks the model endpoint, because it makes the model calls.
    specs: new RunSpecs({
      readObject,
      bucket: environment.IMAGERY_BUCKET,
      check: (spec) => checkSpec(spec, { place, modelOrigins: undefined }),
    }),
    hasBegun: async (runId, generation) => {
      const uri = `gs://${environment.IMAGERY_BUCKET}/${generationsPrefix(runId)}${generation}`
      return (await objectGeneration(uri)) !== undefined
    },
    streamAssets,
    createTaskBatch,
    createTask: createRunTask,
    appendAttempt: (table, row) => ledger.append(table, row),
    target: { mainUrl: environment.IMAGERY_MAIN_URL.replace(/\/+$/, ''), invoker: environment.IMAGERY_INVOKER },
    clock,
    log,
  })
  serveUntilTerminated({ app, address: listenAddress(), port: environment.PORT, log, hurry: () => ledger.drain() })
})
