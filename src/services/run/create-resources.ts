import { invokerAccount, RUN_LABEL, subscriptionName, topicName } from '../../contracts/names.ts'
import { together, type PipelineStep } from '../../contracts/steps.ts'
import { ensurePushSubscription, ensureTopic } from '../../google/pubsub.ts'
import { settled, SETTLE_MS } from '../../google/transport/settle.ts'
import { isRefusedDespiteGrant } from '../failures/granted.ts'
import type { Deployed, RecordedContext, WithQueues } from './context.ts'
import { creatingStep } from './creating-step.ts'
import { setUp } from './set-up.ts'

export const connect: PipelineStep<RecordedContext & Deployed & { after?: Promise<void> }, object> = creatingStep({
  title: 'Create the topic and subscription',
  async run({ target: { place }, runId, deployment, signal, after }, reporter) {
    await after
    const topic = topicName(place, runId)
    const labels = { [RUN_LABEL]: runId }
    const create = async (): Promise<void> => {
      await ensureTopic(topic, labels)
      await ensurePushSubscription(subscriptionName(place, runId), {
        topic,
        labels,
        endpoint: `${deployment.populateUrl}/`,
        serviceAccountEmail: invokerAccount(place),
        audience: deployment.populateUrl,
      })
    }
    // The permission to act as the invoker can be as new as the invoker.
    const roles = ['roles/pubsub.editor', 'roles/iam.serviceAccountUser']
    await settled(create, {
      isTransient: (error) => isRefusedDespiteGrant(place, error, { to: 'runner', roles }).catch(() => false),
      settleMs: SETTLE_MS,
      waiting: (waitedMs) =>
        reporter.detail(`waiting until IAM has applied your roles everywhere (${Math.round(waitedMs / 1_000)} s)`),
      signal,
    })
    return { done: topic.slice(topic.lastIndexOf('/') + 1), adds: {} }
  },
})

const TITLE = 'Set up the ledger, queues, topic and subscription'

/**
 * The service and the command create different resources of the run. On Google Cloud, each of them needs seconds. The service gets
 * its request first: in a local cloud it needs as long as this process needs to load the client of Pub/Sub.
 */
export const createResources: PipelineStep<RecordedContext & Deployed, WithQueues> = {
  title: TITLE,
  async run(context, reporter) {
    const { promise: after, resolve: asked } = Promise.withResolvers<void>()
    const first: typeof setUp = { ...setUp, run: (...input) => setUp.run(...input).finally(asked) }
    return together(TITLE, first, connect).run({ ...context, asked, after }, reporter)
  },
}
