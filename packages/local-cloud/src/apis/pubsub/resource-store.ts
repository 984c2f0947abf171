import type { DatabaseSync } from 'node:sqlite'
import { DELETED_TOPIC } from './limits.ts'
import { nameParts } from './names.ts'
import type { SubscriptionRecord, SubscriptionSettings, TopicRecord } from './resources.ts'

/** One page of a list, and the name to continue after when there are more. */
export interface Page<Item> {
  items: Item[]
  next: string | undefined
}

export interface PageRequest {
  after: string
  size: number
}

/** Stores topics and subscriptions on disk. Opens no transactions itself: the model groups writes. */
export function resourceStore(database: DatabaseSync) {
  const statements = {
    topic: database.prepare('SELECT settings FROM topics WHERE name = ?'),
    topics: database.prepare('SELECT settings FROM topics WHERE project = ? AND name > ? ORDER BY name LIMIT ?'),
    putTopic: database.prepare(
      'INSERT INTO topics (name, project, settings) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET settings = excluded.settings',
    ),
    deleteTopic: database.prepare('DELETE FROM topics WHERE name = ?'),
    deletePolicy: database.prepare('DELETE FROM topic_policies WHERE topic = ?'),
    orphan: database.prepare(`UPDATE subscriptions SET topic = '${DELETED_TOPIC}' WHERE topic = ?`),
    subscription: database.prepare('SELECT * FROM subscriptions WHERE name = ?'),
    subscriptionById: database.prepare('SELECT * FROM subscriptions WHERE id = ?'),
    allSubscriptions: database.prepare('SELECT * FROM subscriptions ORDER BY id'),
    subscriptions: database.prepare('SELECT * FROM subscriptions WHERE project = ? AND name > ? ORDER BY name LIMIT ?'),
    attached: database.prepare('SELECT * FROM subscriptions WHERE topic = ? AND name > ? ORDER BY name LIMIT ?'),
    insertSubscription: database.prepare(
      'INSERT INTO subscriptions (name, project, topic, settings) VALUES (?, ?, ?, ?) RETURNING id',
    ),
    updateSubscription: database.prepare('UPDATE subscriptions SET settings = ? WHERE id = ?'),
    deleteSubscription: database.prepare('DELETE FROM subscriptions WHERE id = ?'),
    counts: database.prepare(
      'SELECT (SELECT count(*) FROM topics) AS topics, (SELECT count(*) FROM subscriptions) AS subscriptions',
    ),
  }

  return {
    topic(name: string): TopicRecord | undefined {
      const row = statements.topic.get(name)
      return row && topicOf(row)
    },

    topics(project: string, page: PageRequest): Page<TopicRecord> {
      return pageOf(statements.topics.all(project, page.after, page.size + 1).map(topicOf), page.size)
    },

    putTopic(topic: TopicRecord): void {
      statements.putTopic.run(topic.name, nameParts(topic.name).project, JSON.stringify(topic))
    },

    /** Its subscriptions stay, with the topic `_deleted-topic_`, and its policy is deleted with it. */
    deleteTopic(name: string): void {
      statements.deletePolicy.run(name)
      statements.deleteTopic.run(name)
      statements.orphan.run(name)
    },

    subscription(name: string): SubscriptionRecord | undefined {
      const row = statements.subscription.get(name)
      return row && subscriptionOf(row)
    },

    subscriptionById(id: number): SubscriptionRecord | undefined {
      const row = statements.subscriptionById.get(id)
      return row && subscriptionOf(row)
    },

    allSubscriptions(): SubscriptionRecord[] {
      return statements.allSubscriptions.all().map(subscriptionOf)
    },

    subscriptions(project: string, page: PageRequest): Page<SubscriptionRecord> {
      return pageOf(statements.subscriptions.all(project, page.after, page.size + 1).map(subscriptionOf), page.size)
    },

    attachedSubscriptions(topic: string, page: PageRequest): Page<SubscriptionRecord> {
      return pageOf(statements.attached.all(topic, page.after, page.size + 1).map(subscriptionOf), page.size)
    },

    insertSubscription(name: string, topic: string, settings: SubscriptionSettings): SubscriptionRecord {
      const row = statements.insertSubscription.get(name, nameParts(name).project, topic, JSON.stringify(settings))
      return { id: Number(row?.['id']), name, topic, settings }
    },

    updateSubscription(id: number, settings: SubscriptionSettings): void {
      statements.updateSubscription.run(JSON.stringify(settings), id)
    },

    deleteSubscription(id: number): void {
      statements.deleteSubscription.run(id)
    },

    counts(): { topics: number; subscriptions: number } {
      const row = statements.counts.get()
      return { topics: Number(row?.['topics']), subscriptions: Number(row?.['subscriptions']) }
    },
  }
}

export type ResourceStore = ReturnType<typeof resourceStore>

type Row = Record<string, unknown>

function topicOf(row: Row): TopicRecord {
  return JSON.parse(String(row['settings'])) as TopicRecord
}

function subscriptionOf(row: Row): SubscriptionRecord {
  return {
    id: Number(row['id']),
    name: String(row['name']),
    topic: String(row['topic']),
    settings: JSON.parse(String(row['settings'])) as SubscriptionSettings,
  }
}

/** One row more than the page size was read: the extra row shows that there are more. */
function pageOf<Item extends { name: string }>(rows: Item[], size: number): Page<Item> {
  const items = rows.slice(0, size)
  return { items, next: rows.length > size ? items.at(-1)?.name : undefined }
}
