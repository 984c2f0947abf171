import type { DatabaseSync } from 'node:sqlite'
import type { LeasedMessage, Message, NewMessage } from './resources.ts'

export interface ClaimRequest {
  nowMs: number
  most: number
  /** Until when the claimed messages are leased. */
  deadlineMs: number
  /** Only the oldest unacknowledged message of each ordering key can be claimed. */
  ordered: boolean
}

/** A claimed message whose acknowledgement deadline passed. */
export interface LapsedLease {
  messageId: number
  attempt: number
  lapsedMs: number
}

/** Stores messages and their state in each subscription on disk. Opens no transactions itself. */
export function backlogStore(database: DatabaseSync) {
  const claimable = (ordered: boolean): string => `
    SELECT b.message_id, b.attempts, m.data, m.attributes, m.ordering_key, m.publish_ms
    FROM backlog b JOIN messages m ON m.id = b.message_id
    WHERE b.subscription_id = ? AND b.leased = 0 AND b.due_ms <= ?
    ${ordered ? `AND ${OLDEST_OF_ITS_KEY}` : ''}
    ORDER BY ${ordered ? 'b.message_id' : 'b.due_ms, b.message_id'} LIMIT ?`
  const statements = {
    nextId: database.prepare('UPDATE message_ids SET last = last + 1 RETURNING last'),
    insertMessage: database.prepare('INSERT INTO messages VALUES (?, ?, ?, ?, ?)'),
    enqueue: database.prepare('INSERT INTO backlog VALUES (?, ?, ?, 0, 0, ?, ?)'),
    claimable: { unordered: database.prepare(claimable(false)), ordered: database.prepare(claimable(true)) },
    lease: database.prepare(
      'UPDATE backlog SET leased = 1, attempts = attempts + 1, due_ms = ? WHERE subscription_id = ? AND message_id = ?',
    ),
    read: database.prepare(
      `SELECT b.message_id, b.attempts, m.data, m.attributes, m.ordering_key, m.publish_ms
       FROM backlog b JOIN messages m ON m.id = b.message_id WHERE b.subscription_id = ? AND b.message_id = ?`,
    ),
    extend: database.prepare(
      'UPDATE backlog SET due_ms = ? WHERE subscription_id = ? AND message_id = ? AND attempts = ? AND leased = 1',
    ),
    release: database.prepare(
      'UPDATE backlog SET leased = 0, due_ms = ? WHERE subscription_id = ? AND message_id = ? AND attempts = ? AND leased = 1',
    ),
    releaseAll: database.prepare('UPDATE backlog SET leased = 0, due_ms = ? WHERE subscription_id = ? AND leased = 1'),
    boundDue: database.prepare(
      'UPDATE backlog SET due_ms = ? WHERE subscription_id = ? AND leased IN (0, 1) AND due_ms > ?',
    ),
    lapsed: database.prepare(
      'SELECT message_id, attempts, due_ms FROM backlog WHERE subscription_id = ? AND leased = 1 AND due_ms <= ?',
    ),
    remove: database.prepare('DELETE FROM backlog WHERE subscription_id = ? AND message_id = ?'),
    clear: database.prepare('DELETE FROM backlog WHERE subscription_id = ?'),
    expire: database.prepare('DELETE FROM backlog WHERE subscription_id = ? AND expires_ms <= ?'),
    retain: database.prepare(
      `UPDATE backlog SET expires_ms = (SELECT publish_ms FROM messages WHERE id = message_id) + ? WHERE subscription_id = ?`,
    ),
    forget: database.prepare(
      'DELETE FROM messages WHERE id = ? AND NOT EXISTS (SELECT 1 FROM backlog WHERE message_id = ?)',
    ),
    forgetAll: database.prepare(
      'DELETE FROM messages WHERE NOT EXISTS (SELECT 1 FROM backlog WHERE backlog.message_id = messages.id)',
    ),
    nextDue: {
      unordered: database.prepare('SELECT min(due_ms) AS due FROM backlog b WHERE subscription_id = ? AND leased = 0'),
      ordered: database.prepare(
        `SELECT min(due_ms) AS due FROM backlog b WHERE subscription_id = ? AND leased = 0 AND ${OLDEST_OF_ITS_KEY}`,
      ),
    },
    nextLapse: database.prepare('SELECT min(due_ms) AS due FROM backlog WHERE subscription_id = ? AND leased = 1'),
    count: database.prepare('SELECT count(*) AS messages FROM backlog'),
  }

  return {
    /** Assigns an ID to a message; it is stored only if a subscription will get it. */
    insert(
      message: NewMessage,
      publishMs: number,
      subscriptions: readonly { id: number; expiresMs: number }[],
    ): number {
      const id = Number(statements.nextId.get()?.['last'])
      if (subscriptions.length === 0) return id
      statements.insertMessage.run(id, message.data, JSON.stringify(message.attributes), message.orderingKey, publishMs)
      for (const { id: subscriptionId, expiresMs } of subscriptions) {
        statements.enqueue.run(subscriptionId, id, message.orderingKey, publishMs, expiresMs)
      }
      return id
    },

    /** Leases due messages, oldest first. */
    claim(subscriptionId: number, request: ClaimRequest): LeasedMessage[] {
      const statement = request.ordered ? statements.claimable.ordered : statements.claimable.unordered
      const leased = statement.all(subscriptionId, request.nowMs, request.most).map(leasedOf)
      return leased.map(({ message, attempt }) => {
        statements.lease.run(request.deadlineMs, subscriptionId, message.id)
        return { message, attempt: attempt + 1 }
      })
    },

    /** A message of the backlog with the attempts made so far; undefined once acknowledged. */
    read(subscriptionId: number, messageId: number): LeasedMessage | undefined {
      const row = statements.read.get(subscriptionId, messageId)
      return row && leasedOf(row)
    },

    /** Moves the deadline of a lease; does nothing when it has ended. */
    extend(subscriptionId: number, messageId: number, attempt: number, deadlineMs: number): void {
      statements.extend.run(deadlineMs, subscriptionId, messageId, attempt)
    },

    /** Ends a lease: the message can be sent again from `dueMs` on. Returns false when the lease had already ended. */
    release(subscriptionId: number, messageId: number, attempt: number, dueMs: number): boolean {
      return Number(statements.release.run(dueMs, subscriptionId, messageId, attempt).changes) > 0
    },

    releaseAll(subscriptionId: number, dueMs: number): void {
      statements.releaseAll.run(dueMs, subscriptionId)
    },

    /** No message waits beyond `latestMs`. */
    boundDue(subscriptionId: number, latestMs: number): void {
      statements.boundDue.run(latestMs, subscriptionId, latestMs)
    },

    lapsed(subscriptionId: number, nowMs: number): LapsedLease[] {
      return statements.lapsed.all(subscriptionId, nowMs).map((row) => ({
        messageId: Number(row['message_id']),
        attempt: Number(row['attempts']),
        lapsedMs: Number(row['due_ms']),
      }))
    },

    remove(subscriptionId: number, messageId: number): void {
      statements.remove.run(subscriptionId, messageId)
      statements.forget.run(messageId, messageId)
    },

    clear(subscriptionId: number): void {
      if (Number(statements.clear.run(subscriptionId).changes) > 0) statements.forgetAll.run()
    },

    expire(subscriptionId: number, nowMs: number): void {
      if (Number(statements.expire.run(subscriptionId, nowMs).changes) > 0) statements.forgetAll.run()
    },

    /** Applies a changed retention to existing messages. */
    retain(subscriptionId: number, retentionMs: number): void {
      statements.retain.run(retentionMs, subscriptionId)
    },

    /** Returns when the next message that is not leased can be sent; can be in the past. */
    nextDueMs(subscriptionId: number, ordered: boolean): number | undefined {
      return optionalNumber(
        (ordered ? statements.nextDue.ordered : statements.nextDue.unordered).get(subscriptionId)?.['due'],
      )
    },

    nextLapseMs(subscriptionId: number): number | undefined {
      return optionalNumber(statements.nextLapse.get(subscriptionId)?.['due'])
    },

    count(): number {
      return Number(statements.count.get()?.['messages'])
    },
  }
}

export type BacklogStore = ReturnType<typeof backlogStore>

const OLDEST_OF_ITS_KEY = `(b.ordering_key = '' OR NOT EXISTS (
  SELECT 1 FROM backlog older
  WHERE older.subscription_id = b.subscription_id AND older.ordering_key = b.ordering_key
    AND older.ordering_key <> '' AND older.message_id < b.message_id))`

function optionalNumber(value: unknown): number | undefined {
  return value === null || value === undefined ? undefined : Number(value)
}

function leasedOf(row: Record<string, unknown>): LeasedMessage {
  const message: Message = {
    id: Number(row['message_id']),
    data: Buffer.from(row['data'] as Uint8Array),
    attributes: JSON.parse(String(row['attributes'])) as Record<string, string>,
    orderingKey: String(row['ordering_key']),
    publishMs: Number(row['publish_ms']),
  }
  return { message, attempt: Number(row['attempts']) }
}
