import { ImageryError } from '../contracts/errors.ts'
import { BUCKETS } from '../contracts/messages.ts'
import { invokerAccount, RUN_LABEL, subscriptionName, topicName } from '../contracts/names.ts'
import { runSpec, type RunSpec } from '../contracts/run-spec.ts'
import type { Step } from '../contracts/steps.ts'
import { describeTable, queryIntoTable, updateTable } from '../google/bigquery.ts'
import { callerAccount } from '../google/credentials.ts'
import { callService } from '../google/invoke.ts'
import { ensurePushSubscription, ensureTopic, publish } from '../google/pubsub.ts'
import { runTable } from '../google/run-tables.ts'
import { snapshotParameters, snapshotQuery } from '../google/sql/snapshot.ts'
import { deployContext, deploySteps } from './deploy.ts'
import { saveRunSpec } from './find-run.ts'
import { stageImages } from './local-source.ts'
import type { RunContext } from './run-context.ts'
import { ATTEMPT_TIMEOUT_MS, MAX_ATTEMPTS, MAX_CONCURRENT, MAX_PER_SECOND, QUEUES } from './run-options.ts'
import { makeDataset, readSource, SCRATCH_DAYS } from './run-source.ts'
import { shards } from './shards.ts'
import { findDeployment, needDeployment } from './target.ts'
import { watchRun } from './watch-run.ts'

/** A table's rows, or an asset count, for people. */
const count = (value: number): string => value.toLocaleString('en')

/** The steps of `imagery run`, up to the last row. */
export function runSteps(options: { local: boolean; stagesImages: boolean; wait: boolean }): readonly Step<RunContext>[] {
  return [
    { title: 'Read the source', run: readSource },
    options.local ? deployIfAbsent : findServices,
    takeSnapshot,
    ...(options.stagesImages ? [stageLocalImages] : []),
    setUp,
    connect,
    publishShards,
    ...(options.wait ? [processAssets] : []),
  ]
}

const findServices: Step<RunContext> = {
  title: 'Find the deployment',
  async run(context) {
    context.deployment = await needDeployment(context.target)
    return { done: context.deployment.mainUrl }
  },
}

const deployIfAbsent: Step<RunContext> = {
  title: 'Deploy',
  async run(context, reporter) {
    const { place } = context.target
    const existing = await findDeployment(place)
    if (existing) {
      context.deployment = existing
      return { skipped: 'imagery is deployed' }
    }
    const inner = deployContext(context.target, context.runtimeFolder)
    for (const step of deploySteps) {
      context.signal.throwIfAborted()
      reporter.detail(step.title)
      await step.run(inner, { detail: (text) => reporter.detail(`${step.title}: ${text}`) })
    }
    context.deployment = await needDeployment(context.target)
    return { done: 'imagery-main, imagery-populate' }
  },
}

/** The source is read here and nowhere else. The job's id makes sure that even a repeated request reads it once. */
const takeSnapshot: Step<RunContext> = {
  title: 'Take the snapshot',
  async run(context) {
    context.spec = await newRunSpec(context)
    await saveRunSpec(context.spec)
    context.store.rememberRun(context.runId, { targetKey: context.target.key, startedAt: context.spec.created_at })
    await makeDataset(context)
    const assets = runTable(context.spec.tables, 'assets')
    const labels = { [RUN_LABEL]: context.runId }
    await queryIntoTable(snapshotQuery(context.snapshot!), {
      jobId: `imagery_${context.runId.replace('-', '_')}_snapshot`,
      projectId: context.target.place.projectId,
      location: context.location!,
      parameters: snapshotParameters(context.snapshot!),
      destination: assets,
      labels,
      clusterBy: ['bucket'],
      partitionBy: { column: 'bucket', end: BUCKETS },
    })
    await updateTable(assets, {
      description: `The assets of imagery run ${context.runId}, as they were when it started.`,
      labels,
      expiresAt: new Date(context.startedAt.getTime() + SCRATCH_DAYS * 86_400_000),
    })
    context.assets = (await describeTable(assets))?.rows ?? 0
    if (context.assets === 0) throw noAssets(context)
    return { done: `${count(context.assets)} assets` }
  },
}

function noAssets({ options, snapshot }: RunContext): ImageryError {
  const filter = snapshot?.where ? ` under --where ${snapshot.where}` : ''
  return new ImageryError('NO_ASSETS', `${options.table} has no asset${filter}`)
}

const stageLocalImages: Step<RunContext> = {
  title: 'Stage the images',
  async run(context, reporter) {
    const { source } = context
    const imageFolder = source.kind === 'file' ? source.imageFolder : source.kind === 'folder' ? source.folder : '.'
    const progress = (staged: number): void => reporter.detail(`${count(staged)} images`)
    const { staged, missing } = await stageImages(context.spec!, { imageFolder, imagePrefix: context.imagePrefix!, progress })
    return { done: `${count(staged)} images${missing > 0 ? `, ${count(missing)} missing` : ''}` }
  },
}

const setUp: Step<RunContext> = {
  title: 'Set up ledger and queue',
  async run(context) {
    const { status, body } = await callService(context.deployment!.mainUrl, '/setup', {
      method: 'POST',
      body: { v: 1, run_id: context.runId },
      timeoutMs: 120_000,
    })
    const queues = (body as { queues?: unknown }).queues
    if (status !== 200 || !Array.isArray(queues)) {
      throw new ImageryError('CLOUD_ERROR', `imagery-main could not set up run ${context.runId}: HTTP ${status} ${JSON.stringify(body)}`)
    }
    context.queues = queues.map(String)
    return { done: context.queues.map((name) => name.slice(name.lastIndexOf('/') + 1)).join(', ') }
  },
}

const connect: Step<RunContext> = {
  title: 'Make topic and subscription',
  async run({ target: { place }, runId, deployment }) {
    const topic = topicName(place, runId)
    const labels = { [RUN_LABEL]: runId }
    await ensureTopic(topic, labels)
    await ensurePushSubscription(subscriptionName(place, runId), {
      topic,
      labels,
      endpoint: `${deployment!.populateUrl}/`,
      serviceAccountEmail: invokerAccount(place.projectId),
      audience: deployment!.populateUrl,
    })
    return { done: topic.slice(topic.lastIndexOf('/') + 1) }
  },
}

const publishShards: Step<RunContext> = {
  title: 'Publish the shards',
  async run(context) {
    const { target, runId, assets, queues } = context
    const messages = shards(runId, assets!, queues!)
    context.signal.throwIfAborted()
    context.isPublished = true
    await publish(topicName(target.place, runId), messages.map((message) => JSON.stringify(message)))
    return { done: `${count(messages.length)} shards` }
  },
}

const processAssets: Step<RunContext> = {
  title: 'Process the assets',
  async run(context, reporter) {
    context.report = await watchRun(context.spec!, { signal: context.signal, reporter })
    const { ok, failed } = context.report.units
    return { done: `${count(ok)} ok${failed > 0 ? `, ${count(failed)} failed` : ''}` }
  },
}

async function newRunSpec(context: RunContext): Promise<RunSpec> {
  const { options, source, sourceTable, snapshot, tables, target } = context
  return runSpec.parse({
    v: 1,
    run_id: context.runId,
    created_at: context.startedAt.toISOString(),
    created_by: (await callerAccount()) ?? 'unknown',
    place: target.place,
    source: {
      ...sourceTable!,
      given: options.table,
      loaded: source.kind !== 'table',
      location: context.location!,
      asset_column: snapshot!.assetColumn,
      image_column: snapshot!.imageColumn,
      where: snapshot!.where,
      limit: snapshot!.limit,
      sample: snapshot!.sample?.size ?? null,
    },
    profile: context.profile,
    tables: tables!,
    limits: {
      queues: QUEUES,
      max_concurrent: MAX_CONCURRENT,
      max_per_second: MAX_PER_SECOND * QUEUES,
      max_attempts: MAX_ATTEMPTS,
      attempt_timeout_ms: ATTEMPT_TIMEOUT_MS,
    },
  } satisfies RunSpec)
}
