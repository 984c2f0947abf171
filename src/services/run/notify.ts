import { ImageryError } from '../../contracts/errors.ts'
import { TOPIC_NAME } from '../../contracts/messages.ts'
import { mainService, runtimeAccount } from '../../contracts/names.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { callService } from '../../google/cloud-run/invoke.ts'
import { topicExists } from '../../google/pubsub.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { changeRunControls, runControlsOf } from '../../run-data/run-stop.ts'
import type { Target } from '../session/target.ts'
import type { Deployed, RecordedContext, WorkContext } from './context.ts'

/**
 * Returns the full name of the topic that `--notify` names: `T`, in the deployment's project, or `projects/P/topics/T`.
 *
 * @throws ImageryError INVALID_FLAG
 */
export function notifyTopic(typed: string, { projectId }: Target['place']): string {
  const name = typed.includes('/') ? typed : `projects/${projectId}/topics/${typed}`
  if (TOPIC_NAME.test(name)) return name
  throw new ImageryError('INVALID_FLAG', `--notify ${typed} is not the name of a Pub/Sub topic`, {
    suggestions: ['--notify imagery-runs', '--notify projects/my-project/topics/imagery-runs'],
  })
}

/**
 * Checks that a topic exists and that the services may publish to it, before a run creates anything.
 *
 * @throws ImageryError CLOUD_ERROR if there is no such topic, ACCESS_DENIED if the services may not publish to it
 */
export function checkTopic(typed: string): PipelineStep<WorkContext & Deployed, object> {
  return {
    title: 'Check the topic',
    async run({ target, deployment }) {
      const { place, flags } = target
      const topic = notifyTopic(typed, place)
      const [, projectId = '', , id = ''] = topic.split('/')
      if (!(await mayExist(topic))) {
        throw new ImageryError('CLOUD_ERROR', `There is no topic ${topic}. Nothing was started`, {
          suggestions: [`gcloud pubsub topics create ${id} --project ${projectId}`],
        })
      }
      const answer = await callService(deployment.mainUrl, '/notify-topic', {
        method: 'POST',
        body: { v: 1, topic },
        timeoutMs: 60_000,
      })
      const { may_publish: mayPublish } = answer.body as { may_publish?: boolean }
      if (answer.status === 200 && mayPublish === true) return { done: topic, adds: {} }
      if (answer.status !== 200) {
        throw new ImageryError(
          'CLOUD_ERROR',
          `${mainService(place)} could not check the topic ${topic}: HTTP ${answer.status} ${JSON.stringify(answer.body)}`,
          { suggestions: [`imagery deploy${flags}   (if the services are from an older version)`] },
        )
      }
      const member = `serviceAccount:${runtimeAccount(place)}`
      throw new ImageryError(
        'ACCESS_DENIED',
        `${runtimeAccount(place)} may not publish to ${topic}: it needs roles/pubsub.publisher on it. Nothing was started`,
        {
          suggestions: [
            `gcloud pubsub topics add-iam-policy-binding ${id} --project ${projectId} --member ${member} --role roles/pubsub.publisher`,
          ],
        },
      )
    },
  }
}

/** A topic of another project can be there although this account may not see it. Then only the services' account counts. */
async function mayExist(topic: string): Promise<boolean> {
  try {
    return await topicExists(topic)
  } catch (error) {
    if (error instanceof CloudError && error.status === 'PERMISSION_DENIED') return true
    throw error
  }
}

/** Records where the services publish what happens to the run. */
export function recordTopic(typed: string): PipelineStep<RecordedContext, object> {
  return {
    title: 'Record the topic',
    async run({ spec, target }) {
      const topic = notifyTopic(typed, target.place)
      await changeRunControls(spec, { ...(await runControlsOf(spec)), notify_topic: topic })
      return { done: topic, adds: {} }
    },
  }
}
