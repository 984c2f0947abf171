import { ImageryError } from '../../contracts/errors.ts'
import { BUCKETS } from '../../contracts/messages.ts'
import {
  invokerAccount,
  RUN_LABEL,
  runtimeAccount,
  snapshotJobId,
  subscriptionName,
  topicName,
} from '../../contracts/names.ts'
import type { RunReport } from '../../contracts/run-report.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { describeTable, updateTable } from '../../google/bigquery/bigquery.ts'
import { queryIntoTable } from '../../google/bigquery/jobs.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { callService } from '../../google/cloud-run/invoke.ts'
import { ensurePushSubscription, ensureTopic } from '../../google/pubsub.ts'
import { runTable } from '../../run-data/run-tables.ts'
import { ownSourceHashes } from '../deploy/program.ts'
import { missingRoleFailure } from '../failures/missing-role.ts'
import { deployContext, deploySteps } from '../deploy/deploy.ts'
import type { RecordedContext, WorkContext } from './context.ts'
import { creatingStep } from './creating-step.ts'
import { currentGeneration, publishRound } from './rounds.ts'
import { SCRATCH_DAYS } from '../options/run-options.ts'
import { stageImages } from '../source/stage-images.ts'
import { findDeployment, requireDeployment, type Deployment } from '../session/target.ts'
import { RunStalled, watchRun } from '../runs/watch.ts'

/** What the steps below add. */
export interface Deployed {
  deployment: Deployment
}

export interface Snapshotted {
  /** The number of assets in the snapshot. */
  assets: number
}

export interface Pending {
  /** About how many units are pending, which decides the number of shards of a round that queues only those. */
  pending: number
}

export interface WithQueues {
  /** Full names of the run's queues. */
  queues: readonly string[]
}

/** What the last step of a run, a resume or a retry leaves. */
export interface Finished extends RecordedContext {
  /** Undefined if the command does not wait for the last row. */
  report?: RunReport
}

const count = (value: number): string => value.toLocaleString('en')

export const findServices: PipelineStep<WorkContext, Deployed> = {
  title: 'Find the deployment',
  async run(context) {
    const deployment = await requireDeployment(context.target)
    return { done: deployment.mainUrl, adds: { deployment } }
  },
}

/**
 * A local deployment needs no choices. It is created if it is missing, and replaced if it is from
 * another version of imagery.
 */
export const deployIfAbsent: PipelineStep<WorkContext, Deployed> = {
  title: 'Deploy',
  async run(context, reporter) {
    const existing = await findDeployment(context.target.place)
    const own = await ownSourceHashes(context.runtimeFolder)
    const isOwn = (deployed: string): boolean => deployed !== '' && own.some((hash) => hash.startsWith(deployed))
    if (existing?.runtimeHashes.every(isOwn)) return { skipped: 'already deployed', adds: { deployment: existing } }
    const inner = { ...deployContext(context.target, context.runtimeFolder), signal: context.signal }
    for (const step of deploySteps(inner)) {
      context.signal.throwIfAborted()
      reporter.detail(step.title)
      await step.run(inner, { detail: (text) => reporter.detail(`${step.title}: ${text}`) })
    }
    const deployment = await requireDeployment(context.target)
    return { done: 'imagery-main, imagery-populate', adds: { deployment } }
  },
}

/**
 * The only place that reads the source. The job's ID ensures that even a repeated request reads it
 * once, and a resumed run keeps its snapshot.
 */
export const takeSnapshot: PipelineStep<RecordedContext, Snapshotted> = creatingStep({
  title: 'Take the snapshot',
  async run(context) {
    const { runId, target, spec } = context
    const { source, tables } = spec
    const assets = runTable(tables, 'assets')
    const labels = { [RUN_LABEL]: runId }
    const describe = (): Promise<void> =>
      updateTable(assets, {
        description: `The assets of imagery run ${runId}, as they were when it started.`,
        labels,
        expiresAt: new Date(Date.parse(spec.created_at) + SCRATCH_DAYS * 86_400_000),
      })
    const existing = await describeTable(assets)
    if (existing && existing.rows > 0) {
      // The command that took the snapshot may have died before it set the expiration.
      if (existing.labels[RUN_LABEL] !== runId) await describe()
      return { skipped: `${count(existing.rows)} assets`, adds: { assets: existing.rows } }
    }
    await queryIntoTable(source.query, {
      jobId: snapshotJobId(runId),
      projectId: target.place.projectId,
      location: source.location,
      parameters: source.parameters,
      destination: assets,
      labels,
      clusterBy: ['bucket'],
      partitionBy: { column: 'bucket', end: BUCKETS },
    }).catch((error: unknown) => Promise.reject(sourceGone(error, context)))
    await describe()
    const taken = (await describeTable(assets))?.rows ?? 0
    if (taken === 0) {
      throw new ImageryError(
        'NO_ASSETS',
        `${source.given} has no assets${source.where === null ? '' : ` that match --where ${source.where}`}`,
      )
    }
    return { done: `${count(taken)} assets`, adds: { assets: taken } }
  },
})

/** The source can be deleted before the run is resumed. */
function sourceGone(error: unknown, { spec, runId, target }: RecordedContext): unknown {
  if (!(error instanceof CloudError) || error.status !== 'NOT_FOUND') return error
  return new ImageryError(
    'SOURCE_NOT_FOUND',
    `The source of run ${runId}, ${spec.source.given}, no longer exists: ${error.message}`,
    {
      suggestions: [
        `imagery teardown ${runId}${target.flags}`,
        `imagery run${target.flags} --table TABLE --profile PROFILE`,
      ],
      cause: error,
    },
  )
}

/** Copies the images of a local file or folder to the bucket. */
export const stageLocalImages: PipelineStep<RecordedContext, object> = creatingStep({
  title: 'Stage the images',
  async run({ spec }, reporter) {
    const { staged, leftOut, example } = await stageImages(spec, (done) => reporter.detail(`${count(done)} images`))
    const skipped = leftOut > 0 ? `, ${count(leftOut)} skipped: ${example}` : ''
    return { done: `${count(staged)} images${skipped}`, adds: {} }
  },
})

export const setUp: PipelineStep<RecordedContext & Deployed, WithQueues> = creatingStep({
  title: 'Set up the ledger and queues',
  async run(context) {
    const { status, body } = await callService(context.deployment.mainUrl, '/setup', {
      method: 'POST',
      body: { v: 1, run_id: context.runId },
      timeoutMs: 120_000,
    })
    const names = (body as { queues?: unknown }).queues
    if (status !== 200 || !Array.isArray(names)) throw notSetUp(context, status, body)
    const queues = names.map(String)
    return { done: queues.map((name) => name.slice(name.lastIndexOf('/') + 1)).join(', '), adds: { queues } }
  },
})

/** Returns the error with the role that the services' account lacks and the command that grants it. A deploy also grants it. */
function notSetUp({ runId, target }: WorkContext, status: number, body: unknown): unknown {
  const { code, message } = (body as { error?: { code?: string; message?: string } }).error ?? {}
  const what = `imagery-main could not set up run ${runId}`
  if (code !== 'PERMISSION_DENIED')
    return new ImageryError('CLOUD_ERROR', `${what}: HTTP ${status} ${JSON.stringify(body)}`)
  const member = `serviceAccount:${runtimeAccount(target.place)}`
  const [bucket] = /gs:\/\/[^\s,]+/.exec(message ?? '') ?? []
  if (bucket !== undefined) {
    return new ImageryError('ACCESS_DENIED', `${what}: ${message}`, {
      suggestions: [
        `gcloud storage buckets add-iam-policy-binding ${bucket} --member ${member} --role roles/storage.objectViewer   (run by the bucket's owner)`,
      ],
    })
  }
  return missingRoleFailure(new CloudError('PERMISSION_DENIED', message ?? ''), {
    place: target.place,
    to: 'runtime',
    what,
    roles: [],
    member,
    first: [`imagery deploy${target.flags}`],
  })
}

export const connect: PipelineStep<RecordedContext & Deployed, object> = creatingStep({
  title: 'Create the topic and subscription',
  async run({ target: { place }, runId, deployment }) {
    const topic = topicName(place, runId)
    const labels = { [RUN_LABEL]: runId }
    await ensureTopic(topic, labels)
    await ensurePushSubscription(subscriptionName(place, runId), {
      topic,
      labels,
      endpoint: `${deployment.populateUrl}/`,
      serviceAccountEmail: invokerAccount(place),
      audience: deployment.populateUrl,
    })
    return { done: topic.slice(topic.lastIndexOf('/') + 1), adds: {} }
  },
})

type ToPublish = RecordedContext & Snapshotted & WithQueues & Partial<Pending>

export const publishShards: PipelineStep<ToPublish, object> = creatingStep({
  title: 'Publish the shards',
  async run(context) {
    const { spec, assets, queues, pending = assets } = context
    const begun = await currentGeneration(spec)
    context.signal.throwIfAborted()
    context.milestones.isPublished = true
    const round = { generation: 0, ...begun, onlyPending: begun !== undefined }
    const units = round.onlyPending ? pending : assets
    return { done: `${count(await publishRound(spec, { units, queues, round }))} shards`, adds: {} }
  },
})

/** How often a run gets a new generation of tasks if its queues are empty before its end. */
const MOST_GENERATIONS_MORE = 2

/**
 * Waits for the last row. A stalled run gets a new generation of tasks, but not by itself on the flex tier, whose answers
 * can come so late that only a user should decide, with `imagery resume`.
 *
 * @param options.now the clock of the watch, in milliseconds
 */
export function processAssets(options: {
  isResume: boolean
  now?: () => number
}): PipelineStep<RecordedContext & Snapshotted & WithQueues, { report: RunReport }> {
  return {
    title: 'Process the assets',
    async run(context, reporter) {
      const { spec, signal, target } = context
      const most = spec.gemini?.tier === 'flex' && !options.isResume ? 0 : MOST_GENERATIONS_MORE
      const { now } = options
      for (let more = 0; ; more += 1) {
        try {
          const report = await watchRun(spec, { signal, reporter, flags: target.flags, ...(now ? { now } : {}) })
          const { ok, failed } = report.units
          return { done: `${count(ok)} ok${failed > 0 ? `, ${count(failed)} failed` : ''}`, adds: { report } }
        } catch (error) {
          if (!(error instanceof RunStalled) || more === most) throw error
          await nextRound.run({ ...context, pending: error.pending }, reporter)
        }
      }
    },
  }
}

const nextRound: PipelineStep<RecordedContext & WithQueues & Pending, object> = creatingStep({
  title: 'Queue the remaining assets again',
  async run({ spec, pending, queues }, reporter) {
    const begun = await currentGeneration(spec)
    const generation = (begun?.generation ?? 0) + 1
    reporter.detail(`queueing the remaining assets again (generation ${generation})`)
    const round = { ...begun, generation, onlyPending: true }
    await publishRound(spec, { units: pending, queues, round })
    return { adds: {} }
  },
})
