import path from 'node:path'
import type { RunReport } from '../../contracts/run-report.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { clearRunStop } from '../../run-data/run-stop.ts'
import { ownSourceHashes } from '../deploy/source-hashes.ts'
import { deployContext, deploySteps } from '../deploy/deploy.ts'
import type {
  Chosen,
  Deployed,
  Pending,
  Probed,
  RecordedContext,
  Snapshotted,
  WithQueues,
  WorkContext,
} from './context.ts'
import { creatingStep } from './creating-step.ts'
import { notifyNow } from '../runs/notify-now.ts'
import { endPreparation } from '../../run-data/heartbeat-record.ts'
import { currentGeneration, publishRound, type Round } from '../../run-data/rounds.ts'
import { MOST_GENERATIONS_MORE } from '../../run-data/stall.ts'
import { stageImages } from '../source/stage-images.ts'
import { findDeployment, requireDeployment } from '../session/target.ts'
import { RunStalled, watchRun } from '../runs/watch.ts'
import { counted, countText } from '../../contracts/count-text.ts'

/** What the last step of a run, a resume or a retry leaves. */
export interface Finished extends RecordedContext {
  /** Undefined if the command does not wait for the last row. */
  report?: RunReport
}

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
    for (const step of deploySteps(inner).steps) {
      context.signal.throwIfAborted()
      reporter.detail(step.title)
      await step.run(inner, { detail: (text) => reporter.detail(`${step.title}: ${text}`) })
    }
    const deployment = await requireDeployment(context.target)
    return { done: 'imagery-main, imagery-populate', adds: { deployment } }
  },
}

/** Adds to the first step of a resume or retry that a stopped run may go on: each later step ends if it is stopped. */
export function letGoOn<Added extends object>(
  step: PipelineStep<RecordedContext, Added>,
): PipelineStep<RecordedContext, Added> {
  return {
    title: step.title,
    async run(context, reporter) {
      const outcome = await step.run(context, reporter)
      context.signal.throwIfAborted()
      await clearRunStop(context.spec)
      return outcome
    },
  }
}

/** The folder of images that runs have fetched from the web, in the data folder of the local cloud. */
const FETCHED_IMAGES = 'fetched-images'

/** Copies the images of a local file or folder to the bucket: of all units, or of those of a sample. */
export const stageLocalImages: PipelineStep<RecordedContext & Partial<Chosen>, object> = creatingStep({
  title: 'Stage the images',
  async run({ spec, target, chosen }, reporter) {
    const cache = target.dataDirectory === undefined ? undefined : path.join(target.dataDirectory, FETCHED_IMAGES)
    const { staged, leftOut, example } = await stageImages(spec, {
      cache,
      progress: (done) => reporter.detail(counted(done, 'image')),
      units: chosen && new Set(chosen.map(({ unit_id: unit }) => unit)),
    })
    const skipped = leftOut > 0 ? `, ${countText(leftOut)} skipped: ${example}` : ''
    return { done: `${counted(staged, 'image')}${skipped}`, adds: {} }
  },
})

type ToPublish = RecordedContext & Snapshotted & WithQueues & Partial<Deployed & Pending & Probed>

export const publishShards: PipelineStep<ToPublish, object> = creatingStep({
  title: 'Publish the shards',
  async run(context) {
    const { spec, assets, queues, probed, pending } = context
    const begun = await currentGeneration(spec)
    context.signal.throwIfAborted()
    context.milestones.isPublished = true
    // In a new run, only the units of its probe have rows. A resume can follow a probe that another command made. The
    // units of this command's probe are left out by name too: BigQuery may not show a new row yet.
    const isNew = pending === undefined && (begun === undefined || probed !== undefined)
    const round = { generation: 0, ...begun, onlyPending: !isNew, skip: probed }
    const units = isNew ? assets : (pending ?? assets)
    const published = units === 0 ? 0 : await publishRound(spec, { units, queues, round })
    await endPreparation(spec)
    if (units === 0) return { skipped: 'no asset is pending', adds: {} }
    return { done: `${counted(published, 'shard')}${await notified(context)}`, adds: {} }
  },
})

/** Notifies the run's topic, if it has one. A run goes on without it, and the services try again. */
async function notified({ spec, deployment }: RecordedContext & Partial<Deployed>): Promise<string> {
  const failure = deployment && (await notifyNow(spec, deployment.mainUrl))
  return failure === undefined ? '' : `; ${failure}`
}

/**
 * Waits for the last row. A stalled run gets a new generation of tasks, but not by itself on the flex tier, whose answers
 * can come so late that only a user should decide, with `imagery resume`.
 *
 * @param options.now the clock of the watch, in milliseconds
 */
export function processAssets(options: {
  isResume: boolean
  now?: () => number
}): PipelineStep<RecordedContext & Snapshotted & WithQueues & Partial<Deployed>, { report: RunReport }> {
  return {
    title: 'Process the assets',
    async run(context, reporter) {
      const { spec, signal, target } = context
      const most = spec.gemini?.tier === 'flex' && !options.isResume ? 0 : MOST_GENERATIONS_MORE
      const { now } = options
      let begun = await currentGeneration(spec)
      for (let more = 0; ;) {
        try {
          const isNew = !options.isResume && more === 0
          const report = await watchRun(spec, { signal, reporter, flags: target.flags, isNew, ...(now ? { now } : {}) })
          const { ok, failed } = report.units
          const done = `${countText(ok)} ok${failed > 0 ? `, ${countText(failed)} failed` : ''}${await notified(context)}`
          return { done, adds: { report } }
        } catch (error) {
          if (!(error instanceof RunStalled)) throw error
          const newest = await currentGeneration(spec)
          // Another command has begun a generation meanwhile, and its tasks get the same time.
          const isOurs = newest?.generation === begun?.generation
          begun = newest
          if (!isOurs) continue
          if (more === most) throw error
          more += 1
          const round = { ...newest, generation: (newest?.generation ?? 0) + 1, onlyPending: true }
          await nextRound.run({ ...context, pending: error.pending, round }, reporter)
          begun = round
        }
      }
    },
  }
}

const nextRound: PipelineStep<RecordedContext & WithQueues & Pending & { round: Round }, object> = creatingStep({
  title: 'Queue the remaining assets again',
  async run({ spec, pending, queues, round }, reporter) {
    reporter.detail(`queueing the remaining assets again (generation ${round.generation})`)
    await publishRound(spec, { units: pending, queues, round })
    return { adds: {} }
  },
})
