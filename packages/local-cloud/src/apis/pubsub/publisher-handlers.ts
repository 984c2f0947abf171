import type { FieldMask } from '../../kernel/field-mask.ts'
import type { RpcHandler } from '../../kernel/api.ts'
import type { Backlog } from './backlog.ts'
import type { Catalog } from './catalog.ts'
import { checkPublish } from './message-rules.ts'
import { parseName, parseProject } from './names.ts'
import { pageRequest, pageToken } from './paging.ts'
import type { ResourceStore } from './resource-store.ts'
import type { NewMessage } from './resources.ts'
import { wireOfTopic } from './topic-wire.ts'
import type { WireTopic } from './topic-wire.ts'

interface ListRequest {
  pageSize: number
  pageToken: string
}

/** The methods of google.pubsub.v1.Publisher; missing methods are refused by name. */
export function publisherHandlers(parts: {
  catalog: Catalog
  backlog: Backlog
  resources: ResourceStore
  /** Called after a topic is deleted with its policy. */
  policyGone: () => void
}): Record<string, RpcHandler> {
  const { catalog, backlog, resources, policyGone } = parts
  return {
    CreateTopic: (topic: WireTopic) => wireOfTopic(catalog.createTopic(topic)),

    GetTopic: (request: { topic: string }) => wireOfTopic(catalog.topic(request.topic)),

    UpdateTopic: (request: { topic: WireTopic; updateMask: FieldMask | null }) =>
      wireOfTopic(catalog.updateTopic(request.topic, request.updateMask?.paths ?? [])),

    DeleteTopic(request: { topic: string }) {
      const answer = catalog.deleteTopic(request.topic)
      policyGone()
      return answer
    },

    ListTopics: (request: ListRequest & { project: string }) => {
      const { items, next } = resources.topics(parseProject(request.project), pageRequest(request))
      return { topics: items.map(wireOfTopic), nextPageToken: pageToken(next) }
    },

    ListTopicSubscriptions: (request: ListRequest & { topic: string }) => {
      const { name } = catalog.topic(request.topic)
      const { items, next } = resources.attachedSubscriptions(name, pageRequest(request))
      return { subscriptions: items.map((subscription) => subscription.name), nextPageToken: pageToken(next) }
    },

    Publish: (request: { topic: string; messages: NewMessage[] }) => {
      parseName(request.topic, 'topics')
      checkPublish(request.topic, request.messages)
      return { messageIds: backlog.publish(request.topic, request.messages).map(String) }
    },

    DetachSubscription: (request: { subscription: string }) => catalog.detachSubscription(request.subscription),
  }
}
