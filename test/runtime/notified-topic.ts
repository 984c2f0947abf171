import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import { expect } from 'vitest'
import { NOTIFICATION_SCHEMA_FILE, type RunNotification } from '../../src/contracts/run-notification.ts'
import type { RunSpec } from '../../src/contracts/run-spec.ts'
import { grpcClientOptions } from '../../src/google/auth/credentials.ts'
import { ensureTopic } from '../../src/google/pubsub.ts'
import { changeRunControls } from '../../src/run-data/run-stop.ts'

/** The JSON Schema of the messages, as the package has it. */
export const PUBLISHED_SCHEMA = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../..', NOTIFICATION_SCHEMA_FILE), 'utf8'),
) as object

/** A topic of a local cloud with a reader, for messages about runs. */
export async function notifiedTopic(projectId: string) {
  const topic = `projects/${projectId}/topics/events`
  const subscription = `projects/${projectId}/subscriptions/events`
  const fits = new Ajv({ strict: false, validateFormats: false }).compile(PUBLISHED_SCHEMA)
  await ensureTopic(topic, {})
  const { v1 } = await import('@google-cloud/pubsub')
  const { projectId: _, ...options } = await grpcClientOptions('')
  const subscriber = new v1.SubscriberClient(options)
  await subscriber.createSubscription({ name: subscription, topic })
  return {
    topic,
    /** Lets a run notify the topic. */
    use: ({ place, run_id }: RunSpec) =>
      changeRunControls({ place }, { v: 1, run_id, max_cost_usd: null, max_failures: null, notify_topic: topic }),
    /** Takes the messages that have come, each of which fits the published schema. */
    async pull(): Promise<RunNotification[]> {
      const [answer] = await subscriber.pull({ subscription, maxMessages: 10, returnImmediately: true })
      const received = answer.receivedMessages ?? []
      const ackIds = received.map(({ ackId }) => ackId ?? '')
      if (ackIds.length > 0) await subscriber.acknowledge({ subscription, ackIds })
      return received.map(({ message }) => {
        const document = JSON.parse(Buffer.from(message?.data as Uint8Array).toString('utf8')) as RunNotification
        expect(fits(document), JSON.stringify(fits.errors)).toBe(true)
        const { run_id, event, event_id } = document
        expect(message?.attributes).toEqual({ run_id, event, event_id })
        return document
      })
    },
    close: () => subscriber.close(),
  }
}
