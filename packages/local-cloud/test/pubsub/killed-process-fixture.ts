import { systemClock } from '../../src/kernel/clock.ts'
import { pubSubApi } from '../../src/apis/pubsub/index.ts'

/**
 * A process to be killed: publishes without end to a push subscription and tells, one line each,
 * what it was promised (`published ID`) and what its endpoint answered (`acknowledged ID`).
 */
const directory = process.argv[2]
if (directory === undefined) throw new Error('usage: pubsub-killed.ts DIRECTORY')

const api = await pubSubApi({
  directory,
  clock: systemClock,
  deliver: async (delivery) => {
    const { message } = JSON.parse(delivery.body.toString()) as { message: { messageId: string } }
    await new Promise((resolve) => setTimeout(resolve, 2))
    // Every third message is never answered: it is in flight when the process dies.
    if (Number(message.messageId) % 3 === 0) return new Promise(() => undefined)
    process.stdout.write(`acknowledged ${message.messageId}\n`)
    return { status: 204, headers: {}, body: Buffer.alloc(0) }
  },
})
await api.start()

const call = (method: string, request: object): Promise<unknown> => {
  const services = Object.values(api.grpc?.services ?? {})
  const handler = services.find((handlers) => method in handlers)?.[method]
  if (!handler) throw new Error(`no method ${method}`)
  return Promise.resolve(handler(request, { principal: { email: 'tester@example.com' }, method }))
}
const topic = 'projects/test-project/topics/images'
await call('CreateTopic', { name: topic, labels: {} })
await call('CreateTopic', { name: `${topic}-dead`, labels: {} })
await call('CreateSubscription', {
  name: 'projects/test-project/subscriptions/images-push',
  topic,
  labels: {},
  pushConfig: { pushEndpoint: 'https://populate-abc.a.run.app/', attributes: {} },
  ackDeadlineSeconds: 600,
  deadLetterPolicy: { deadLetterTopic: `${topic}-dead`, maxDeliveryAttempts: 100 },
})
for (;;) {
  const request = { topic, messages: [{ data: Buffer.from('x'), attributes: {}, orderingKey: '' }] }
  const { messageIds } = (await call('Publish', request)) as { messageIds: string[] }
  process.stdout.write(`published ${messageIds[0]}\n`)
  await new Promise((resolve) => setTimeout(resolve, 1))
}
