import path from 'node:path'
import type { Deliver, DispatchingApi } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import { openDatabase } from '../../kernel/database.ts'
import { backlogStore } from './backlog-store.ts'
import { Backlog } from './backlog.ts'
import { Catalog } from './catalog.ts'
import { HTTP_RULES } from './http-rules.ts'
import { publisherHandlers } from './publisher-handlers.ts'
import { pubSubNeeds } from './permissions.ts'
import { pubSubProtos } from './protos.ts'
import { Puller } from './puller.ts'
import { Pushers } from './pusher.ts'
import { resourceStore } from './resource-store.ts'
import { MIGRATIONS } from './schema.ts'
import { topicPolicyHandlers, type TopicAccess } from './topic-policies.ts'
import { subscriberHandlers } from './subscriber-handlers.ts'

/**
 * The emulated Pub/Sub: topics, push and unary pull subscriptions, dead letters
 * (https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1). State is one SQLite file
 * in `directory`; a message stays there until every subscription has acknowledged it.
 *
 * @param options.access where the policies of topics count; without it, they cannot be read or set
 * @param options.deliver sends each push; a rejection is a negative acknowledgement
 */
export async function pubSubApi(options: {
  directory: string
  clock: Clock
  deliver: Deliver
  access?: TopicAccess
}): Promise<DispatchingApi> {
  const { clock, deliver, access } = options
  const database = openDatabase(path.join(options.directory, 'pubsub.sqlite'), MIGRATIONS)
  const resources = resourceStore(database)
  const messages = backlogStore(database)
  const backlog = new Backlog({ database, resources, store: messages, clock })
  const catalog = new Catalog({ database, resources, messages, backlog, clock })
  const puller = new Puller({ catalog, backlog, clock })
  const pushers = new Pushers({ backlog, resources, clock, deliver })
  return {
    name: 'pubsub',
    grpc: {
      protos: pubSubProtos(),
      services: {
        'google.pubsub.v1.Publisher': publisherHandlers({
          catalog,
          backlog,
          resources,
          policyGone: () => access?.policiesChanged(),
        }),
        'google.pubsub.v1.Subscriber': subscriberHandlers({ catalog, puller, resources }),
        'google.iam.v1.IAMPolicy': access ? topicPolicyHandlers(database, resources, access) : {},
      },
      needs: pubSubNeeds((name) => resources.subscription(name)?.topic),
      httpRules: HTTP_RULES,
    },
    async start() {
      catalog.recover()
      pushers.start()
    },
    hold: () => pushers.hold(),
    release: () => pushers.release(),
    async stop() {
      pushers.stop()
      puller.stop()
      database.close()
    },
    async describe() {
      return { ...resources.counts(), unacknowledgedMessages: backlog.count() }
    },
  }
}
