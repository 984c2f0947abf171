import type { Hono } from 'hono'
import { imageVersionsRequest, probeRequest, runRequest, taskPayload, topicRequest } from '../../contracts/messages.ts'
import type { DeploymentRef } from '../../contracts/names.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { slotOf } from '../heartbeat/control-queue.ts'
import { ownUrl } from '../heartbeat/own-url.ts'
import type { RunControl } from '../heartbeat/run-control.ts'
import type { Callers } from '../callers.ts'
import { httpService, readBody, refuse, requestTrace } from '../http-service.ts'
import { currentVersions } from './current-versions.ts'
import type { ProbeDeps } from './probe.ts'
import type { ProcessDeps, TaskProcessor } from './process-task.ts'
import { holdStoppedRun, pauseRun, setUpRun, tearDownRun, type RunResourceDeps } from './run-resources.ts'

export interface MainDeps extends ProcessDeps, RunResourceDeps, ProbeDeps {
  place: DeploymentRef
  /** Undefined when the host checks the caller. */
  callers?: Callers | undefined
  /** Publishes the messages about a run that are missing, also by what its ledger says. Returns their events. */
  notify?: ((spec: RunSpec) => Promise<string[]>) | undefined
  /** Whether this service's own account may publish to a topic. */
  mayPublish?: ((topic: string) => Promise<boolean>) | undefined
  /** Absent in a service that does not watch its runs. */
  control?: RunControl | undefined
  /** The version of an image; undefined if this service may not look at it. */
  imageVersion: (uri: string) => Promise<string | undefined>
}

/**
 * The main service: POST /setup, /probe, /image-versions, /pause, /notify, /notify-topic and /teardown for the CLI, POST
 * /process and /heartbeat for Cloud Tasks, GET /healthz.
 *
 * /process returns 200 when the task needs no further delivery, because its row is durable; 429 or 503
 * with Retry-After when Cloud Tasks should deliver it again; 400 for a body that is not a task.
 */
export function mainApp(deps: MainDeps): Hono {
  const { log, place, control } = deps
  const app = httpService({ log, projectId: place.projectId, callers: deps.callers })
  let loading: Promise<TaskProcessor> | undefined
  /** Loaded by the first task, because a new instance must pass its health check first. */
  const processor = (): Promise<TaskProcessor> =>
    (loading ??= import('./process-task.ts').then((loaded) => new loaded.TaskProcessor(deps)))
  const pauses = new Map<string, Promise<unknown>>()
  /** Pauses a run's queues once for all of its tasks that arrive meanwhile. */
  const pauseOnce = (runId: string, pause: typeof pauseRun | typeof holdStoppedRun): Promise<unknown> => {
    const pausing = pauses.get(runId) ?? pause(deps, runId).finally(() => pauses.delete(runId))
    pauses.set(runId, pausing)
    return pausing
  }

  app.post('/setup', async (context) => {
    const { run_id } = await readBody(context, runRequest)
    const url = control && ownUrl(context, control.ownUrl)
    const made = await setUpRun(deps, run_id, control && { ...control, url })
    log.info(`set up run ${run_id}`, { run_id, queues: made.queues, trace: requestTrace(context, place.projectId) })
    return context.json(made)
  })

  app.post('/pause', async (context) => {
    const { run_id } = await readBody(context, runRequest)
    const paused = await pauseRun(deps, run_id)
    log.info(`paused run ${run_id}`, { ...paused, trace: requestTrace(context, place.projectId) })
    return context.json(paused)
  })

  app.post('/teardown', async (context) => {
    const { run_id } = await readBody(context, runRequest)
    const gone = await tearDownRun(deps, run_id)
    log.info(`tore down run ${run_id}`, { ...gone, trace: requestTrace(context, place.projectId) })
    return context.json(gone)
  })

  app.post('/probe', async (context) => {
    const { run_id, retry, sample } = await readBody(context, probeRequest)
    // Loaded when it is needed, because few instances are ever asked and each must start quickly.
    const [{ isRefusal, probeRun }, prober] = await Promise.all([import('./probe.ts'), processor()])
    const probed = await probeRun(deps, (task, spec) => prober.probe(task, spec, isRefusal), run_id, {
      retry,
      sample,
    })
    log.info(`probed run ${run_id}: ${probed.outcome}`, { run_id, trace: requestTrace(context, place.projectId) })
    return context.json(probed)
  })

  app.post('/notify', async (context) => {
    const { run_id } = await readBody(context, runRequest)
    const sent = (await deps.notify?.(await deps.specs.get(run_id))) ?? []
    log.info(`notified of run ${run_id}: ${sent.join(', ') || 'nothing new'}`, { run_id })
    return context.json({ run_id, sent })
  })

  app.post('/notify-topic', async (context) => {
    const { topic } = await readBody(context, topicRequest)
    return context.json({ topic, may_publish: (await deps.mayPublish?.(topic)) ?? false })
  })

  app.post('/heartbeat', async (context) => {
    const { run_id } = await readBody(context, runRequest)
    const trace = requestTrace(context, place.projectId)
    if (!control) return context.json({ outcome: 'over' })
    // Of a task, only its own queue gets the next one, because the run can have several after a retry.
    const queue = context.req.header('x-cloudtasks-queuename')
    const heartbeats = await control.heartbeats()
    const slot = slotOf(context.req.header('x-cloudtasks-taskname'))
    const outcome = await heartbeats.beat(run_id, { queue, slot, url: ownUrl(context, control.ownUrl) })
    log.debug(`heartbeat of run ${run_id}: ${outcome}`, { run_id, trace })
    return context.json({ outcome })
  })

  app.post('/image-versions', async (context) => {
    const { uris } = await readBody(context, imageVersionsRequest)
    return context.json({ versions: await currentVersions(uris, deps.imageVersion) })
  })

  app.post('/process', async (context) => {
    const task = await readBody(context, taskPayload)
    const tasks = await processor()
    const outcome = await tasks.process(task, {
      retryCount: count(context.req.header('x-cloudtasks-taskretrycount')),
      executionCount: count(context.req.header('x-cloudtasks-taskexecutioncount')),
      trace: requestTrace(context, place.projectId),
    })
    if (outcome.kind !== 'run_gone') control?.chain.touch(task.run_id, ownUrl(context, control.ownUrl))
    switch (outcome.kind) {
      case 'recorded':
        return context.json({ outcome: 'recorded', ...outcome.recorded })
      case 'run_gone':
        return context.json({ outcome: 'run_gone' })
      case 'waits':
      case 'stopped': {
        log.warning(`paused run ${task.run_id}: ${outcome.message}`, { run_id: task.run_id })
        const isStopped = outcome.kind === 'stopped'
        // A queue that cannot be paused delivers the task again, which is refused again.
        await pauseOnce(task.run_id, isStopped ? holdStoppedRun : pauseRun).catch((error: unknown) =>
          log.error(`could not pause run ${task.run_id}`, { run_id: task.run_id, error }),
        )
        const code = isStopped ? 'RUN_STOPPED' : 'GEMINI_ELSEWHERE'
        return refuse(context, 429, code, outcome.message, { 'retry-after': '1' })
      }
      case 'retry':
        return refuse(context, outcome.http, outcome.code, outcome.message, {
          'retry-after': String(outcome.retryAfterSeconds),
        })
    }
  })

  return app
}

/** https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler */
function count(header: string | undefined): number {
  const value = Number(header ?? 0)
  return Number.isInteger(value) && value >= 0 ? value : 0
}
