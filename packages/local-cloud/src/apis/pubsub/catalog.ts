import { randomUUID } from 'node:crypto'
import type { DatabaseSync } from 'node:sqlite'
import type { Clock } from '../../kernel/clock.ts'
import { transaction } from '../../kernel/database.ts'
import type { BacklogStore } from './backlog-store.ts'
import type { Backlog } from './backlog.ts'
import { alreadyExists, notFound, parseName } from './names.ts'
import type { ResourceStore } from './resource-store.ts'
import type { SubscriptionRecord, TopicRecord } from './resources.ts'
import { CHANGEABLE_SUBSCRIPTION_FIELDS, settingsOfWire, wireOfSubscription } from './subscription-wire.ts'
import type { WireSubscription } from './subscription-wire.ts'
import { CHANGEABLE_TOPIC_FIELDS, topicOfWire, wireOfTopic } from './topic-wire.ts'
import type { WireTopic } from './topic-wire.ts'
import { applyMask } from './update-mask.ts'

/** Creates, reads, changes and deletes topics and subscriptions by Google's rules. */
export class Catalog {
  readonly #database: DatabaseSync
  readonly #resources: ResourceStore
  readonly #messages: BacklogStore
  readonly #backlog: Backlog
  readonly #clock: Clock

  constructor(parts: {
    database: DatabaseSync
    resources: ResourceStore
    messages: BacklogStore
    backlog: Backlog
    clock: Clock
  }) {
    this.#database = parts.database
    this.#resources = parts.resources
    this.#messages = parts.messages
    this.#backlog = parts.backlog
    this.#clock = parts.clock
  }

  createTopic(wire: WireTopic): TopicRecord {
    parseName(wire.name, 'topics')
    const topic = topicOfWire(wire)
    if (this.#resources.topic(topic.name)) throw alreadyExists(topic.name)
    this.#resources.putTopic(topic)
    return topic
  }

  topic(name: string): TopicRecord {
    parseName(name, 'topics')
    const topic = this.#resources.topic(name)
    if (!topic) throw notFound(name)
    return topic
  }

  updateTopic(wire: WireTopic, paths: readonly string[]): TopicRecord {
    const current = wireOfTopic(this.topic(wire.name))
    const topic = topicOfWire(applyMask('Topic', current, wire, paths, CHANGEABLE_TOPIC_FIELDS))
    this.#resources.putTopic(topic)
    return topic
  }

  /** https://cloud.google.com/pubsub/docs/reference/rest/v1/projects.topics/delete: its subscriptions stay. */
  deleteTopic(name: string): void {
    this.topic(name)
    transaction(this.#database, () => this.#resources.deleteTopic(name))
  }

  createSubscription(wire: WireSubscription): SubscriptionRecord {
    const { project } = parseName(wire.topic, 'topics')
    // "If the name is not provided in the request, the server will assign a random name": CreateSubscription.
    const name = wire.name === '' ? `projects/${project}/subscriptions/subscription-${randomUUID()}` : wire.name
    parseName(name, 'subscriptions')
    const settings = settingsOfWire({ ...wire, detached: false })
    if (this.#resources.subscription(name)) throw alreadyExists(name)
    for (const topic of [wire.topic, settings.deadLetter?.topic]) {
      if (topic !== undefined && !this.#resources.topic(topic)) throw notFound(topic)
    }
    return this.#resources.insertSubscription(name, wire.topic, settings)
  }

  subscription(name: string): SubscriptionRecord {
    parseName(name, 'subscriptions')
    const subscription = this.#resources.subscription(name)
    if (!subscription) throw notFound(name)
    return subscription
  }

  updateSubscription(wire: WireSubscription, paths: readonly string[]): SubscriptionRecord {
    const current = this.subscription(wire.name)
    return this.#change(
      current,
      applyMask('Subscription', wireOfSubscription(current), wire, paths, CHANGEABLE_SUBSCRIPTION_FIELDS),
    )
  }

  /** An empty configuration turns a push subscription into a pull one. */
  modifyPushConfig(name: string, pushConfig: WireSubscription['pushConfig']): void {
    const current = this.subscription(name)
    // "If not present in a ModifyPushConfig call, its value will not be changed": PushConfig.attributes.
    const attributes = { ...current.settings.push?.attributes, ...pushConfig?.attributes }
    const config = pushConfig && { ...pushConfig, attributes }
    this.#change(current, { ...wireOfSubscription(current), pushConfig: config })
  }

  deleteSubscription(name: string): void {
    const { id } = this.subscription(name)
    transaction(this.#database, () => {
      this.#messages.clear(id)
      this.#resources.deleteSubscription(id)
    })
    this.#backlog.announce([id])
  }

  /** https://cloud.google.com/pubsub/docs/detach-subscriptions: its messages are dropped and it gets no more. */
  detachSubscription(name: string): void {
    const { id, settings } = this.subscription(name)
    transaction(this.#database, () => {
      this.#messages.clear(id)
      this.#resources.updateSubscription(id, { ...settings, detached: true })
    })
    this.#backlog.announce([id])
  }

  /** After a restart, pushes in progress have ended. Pulled messages keep their leases. */
  recover(): void {
    transaction(this.#database, () => {
      for (const { id, settings } of this.#resources.allSubscriptions()) {
        if (settings.push) this.#messages.releaseAll(id, this.#clock.now())
      }
    })
  }

  #change(current: SubscriptionRecord, wire: WireSubscription): SubscriptionRecord {
    const settings = settingsOfWire(wire)
    const deadLetterTopic = settings.deadLetter?.topic
    if (deadLetterTopic !== undefined && deadLetterTopic !== current.settings.deadLetter?.topic) {
      if (!this.#resources.topic(deadLetterTopic)) throw notFound(deadLetterTopic)
    }
    transaction(this.#database, () => {
      this.#resources.updateSubscription(current.id, settings)
      if (settings.retentionMs !== current.settings.retentionMs) this.#messages.retain(current.id, settings.retentionMs)
    })
    this.#backlog.announce([current.id])
    return { ...current, settings }
  }
}
