import path from 'node:path'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { openDatabase, transaction } from '../../kernel/database.ts'
import type { AttemptResult, LaunchedTask, NewTask, Queue, QueueConfig, Task } from './resources.ts'
import {
  launchedFromRows,
  operationFromRow,
  packedToColumn,
  queueFromRow,
  taskFromRow,
  text,
  type Row,
  type StoredOperation,
} from './rows.ts'
import { MIGRATIONS } from './schema.ts'
import type { Slot } from './schedule-window.ts'

/**
 * Stores queues, tasks and the tombstones of deleted ones in one SQLite file. Every method is one
 * statement or a few: callers that change several things wrap them in `atomically`.
 */
export class TaskStore {
  readonly #database: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()
  #nextSeq: number
  #nextQueueId: number

  constructor(directory: string) {
    this.#database = openDatabase(path.join(directory, 'cloud-tasks.sqlite'), MIGRATIONS)
    // Numbers are never reused while the process runs: the outcome of an attempt whose task was purged
    // must not apply to a newer task.
    this.#nextSeq = this.#number('SELECT coalesce(max(seq), 0) + 1 AS value FROM tasks')
    this.#nextQueueId = this.#number('SELECT coalesce(max(id), 0) + 1 AS value FROM queues')
  }

  close(): void {
    this.#database.close()
  }

  /** Commits all changes of `work`, or none. */
  atomically<Result>(work: () => Result): Result {
    return transaction(this.#database, work)
  }

  // Queues

  queues(): Queue[] {
    return this.#all('SELECT * FROM queues ORDER BY name').map(queueFromRow)
  }

  insertQueue(name: string, config: QueueConfig): Queue {
    const queue = { id: this.#nextQueueId++, name, config, isPaused: false, purgeUs: null }
    this.#run(
      'INSERT INTO queues (id, name, config, paused) VALUES (?, ?, ?, 0)',
      queue.id,
      name,
      JSON.stringify(config),
    )
    return queue
  }

  updateQueue(queue: Queue): void {
    const { config, isPaused, purgeUs, id } = queue
    const columns = [JSON.stringify(config), Number(isPaused), purgeUs, id]
    this.#run('UPDATE queues SET config = ?, paused = ?, purge_us = ? WHERE id = ?', ...columns)
  }

  /** Deletes a queue with its tasks and reserves its name until `untilMs`. */
  deleteQueue(queue: Queue, untilMs: number): void {
    this.#deleteTasks(queue.id)
    this.#run('DELETE FROM task_tombstones WHERE queue = ?', queue.id)
    this.#run('DELETE FROM queues WHERE id = ?', queue.id)
    this.#run('INSERT OR REPLACE INTO queue_tombstones (name, until_ms) VALUES (?, ?)', queue.name, untilMs)
  }

  hasQueueTombstone(name: string, nowMs: number): boolean {
    return this.#get('SELECT 1 FROM queue_tombstones WHERE name = ? AND until_ms > ?', name, nowMs) !== undefined
  }

  // Tasks

  countTasks(queueId: number): number {
    return this.#number('SELECT count(*) AS value FROM tasks WHERE queue = ?', queueId)
  }

  /** Stores a task and returns its number, or undefined when the queue already has one with that name. */
  insertTask(queueId: number, task: NewTask): number | undefined {
    const seq = this.#nextSeq
    const columns = [seq, queueId, task.id, Number(task.isNamed), task.scheduleUs, task.createdMs]
    const { changes } = this.#run(
      'INSERT OR IGNORE INTO tasks (seq, queue, id, named, schedule_us, created_ms) VALUES (?, ?, ?, ?, ?, ?)',
      ...columns,
    )
    if (changes === 0) return undefined
    this.#nextSeq += 1
    this.#run(
      'INSERT INTO requests (seq, request, body) VALUES (?, ?, ?)',
      seq,
      JSON.stringify(task.request),
      task.body,
    )
    return seq
  }

  findTask(queueId: number, id: string, withBody: boolean): Task | undefined {
    const body = withBody ? 'body' : 'NULL AS body'
    const row = this.#get(
      `SELECT tasks.*, request, ${body} FROM tasks JOIN requests USING (seq) WHERE queue = ? AND id = ?`,
      queueId,
      id,
    )
    return row && taskFromRow(row)
  }

  /** Tasks in the order of their ids, after id `after`. */
  listTasks(queueId: number, after: string, limit: number, withBody: boolean): Task[] {
    const body = withBody ? 'body' : 'NULL AS body'
    return this.#all(
      `SELECT tasks.*, request, ${body} FROM tasks JOIN requests USING (seq)
       WHERE queue = ? AND id > ? ORDER BY id LIMIT ?`,
      queueId,
      after,
      limit,
    ).map(taskFromRow)
  }

  /** The next waiting tasks of a queue in schedule order. */
  readSlots(queueId: number, after: Slot | null, limit: number): Slot[] {
    const rows =
      after === null
        ? this.#all(
            'SELECT seq, schedule_us FROM tasks WHERE queue = ? ORDER BY schedule_us, seq LIMIT ?',
            queueId,
            limit,
          )
        : this.#all(
            `SELECT seq, schedule_us FROM tasks WHERE queue = ? AND (schedule_us, seq) > (?, ?)
             ORDER BY schedule_us, seq LIMIT ?`,
            queueId,
            after.scheduleUs,
            after.seq,
            limit,
          )
    return rows.map((row) => ({ seq: Number(row['seq']), scheduleUs: Number(row['schedule_us']) }))
  }

  /** Counts an attempt and reads its task; undefined when the task does not exist. */
  launch(seq: number, nowUs: number): LaunchedTask | undefined {
    const row = this.#get(
      `UPDATE tasks SET dispatches = dispatches + 1, first_dispatch_us = coalesce(first_dispatch_us, ?1),
         last_schedule_us = schedule_us, last_dispatch_us = ?1, last_response_us = NULL
       WHERE seq = ?2 RETURNING id, dispatches, executions, schedule_us, first_dispatch_us, last_status`,
      nowUs,
      seq,
    )
    if (!row) return undefined
    const request = this.#get('SELECT request, body FROM requests WHERE seq = ?', seq)
    return request && launchedFromRows(seq, row, request)
  }

  /** Records a failed attempt of a task that will be retried; returns false when the task does not exist. */
  reschedule(seq: number, result: AttemptResult): boolean {
    const hasAnswer = result.httpStatus !== null
    const isExecution = hasAnswer && (result.httpStatus as number) < 500
    const columns = [
      result.scheduleUs,
      Number(hasAnswer),
      Number(isExecution),
      result.responseUs,
      result.code,
      result.httpStatus,
    ]
    const { changes } = this.#run(
      `UPDATE tasks SET schedule_us = ?, responses = responses + ?, executions = executions + ?,
         last_response_us = ?, last_code = ?, last_status = ? WHERE seq = ?`,
      ...columns,
      seq,
    )
    return changes > 0
  }

  /**
   * Deletes one task; its name, if the caller chose it, stays reserved until `untilMs`. Returns false when it does not
   * exist.
   */
  deleteTask(seq: number, untilMs: number): boolean {
    const row = this.#get('DELETE FROM tasks WHERE seq = ? RETURNING queue, id, named', seq)
    if (!row) return false
    this.#run('DELETE FROM requests WHERE seq = ?', seq)
    if (row['named'] === 1) this.#bury(Number(row['queue']), text(row['id']), untilMs)
    return true
  }

  /** Deletes all tasks of a queue, leaving tombstones, and returns how many there were. */
  purge(queueId: number, untilMs: number): number {
    this.#run(
      `INSERT OR REPLACE INTO task_tombstones (queue, id, until_ms)
       SELECT queue, id, ? FROM tasks WHERE queue = ? AND named = 1`,
      untilMs,
      queueId,
    )
    return this.#deleteTasks(queueId)
  }

  /** Numbers of the tasks of a queue that were created at or before `createdMs`. */
  tasksCreatedBy(queueId: number, createdMs: number): number[] {
    const rows = this.#all('SELECT seq FROM tasks WHERE queue = ? AND created_ms <= ?', queueId, createdMs)
    return rows.map((row) => Number(row['seq']))
  }

  hasTaskTombstone(queueId: number, id: string, nowMs: number): boolean {
    const found = this.#get(
      'SELECT 1 FROM task_tombstones WHERE queue = ? AND id = ? AND until_ms > ?',
      queueId,
      id,
      nowMs,
    )
    return found !== undefined
  }

  // Batch operations

  insertOperation({ subject, operation }: StoredOperation, untilMs: number): void {
    const { name, error, metadata, response } = operation
    this.#run(
      'INSERT INTO operations (name, subject, error, metadata, response, until_ms) VALUES (?, ?, ?, ?, ?, ?)',
      name,
      subject,
      error ? JSON.stringify(error) : null,
      metadata && packedToColumn(metadata),
      response ? packedToColumn(response) : null,
      untilMs,
    )
  }

  findOperation(name: string, nowMs: number): StoredOperation | undefined {
    const row = this.#get('SELECT * FROM operations WHERE name = ? AND until_ms > ?', name, nowMs)
    return row && operationFromRow(row)
  }

  /** Removes expired tombstones and operations; returns true when some are left that expire later. */
  sweep(nowMs: number): boolean {
    for (const table of ['queue_tombstones', 'task_tombstones', 'operations']) {
      this.#run(`DELETE FROM ${table} WHERE until_ms <= ?`, nowMs)
    }
    return (
      this.#number(
        `SELECT EXISTS (SELECT 1 FROM queue_tombstones) OR EXISTS (SELECT 1 FROM task_tombstones)
           OR EXISTS (SELECT 1 FROM operations) OR EXISTS (SELECT 1 FROM tasks) AS value`,
      ) === 1
    )
  }

  #bury(queueId: number, id: string, untilMs: number): void {
    this.#run('INSERT OR REPLACE INTO task_tombstones (queue, id, until_ms) VALUES (?, ?, ?)', queueId, id, untilMs)
  }

  #deleteTasks(queueId: number): number {
    this.#run('DELETE FROM requests WHERE seq IN (SELECT seq FROM tasks WHERE queue = ?)', queueId)
    return Number(this.#run('DELETE FROM tasks WHERE queue = ?', queueId).changes)
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (!statement) {
      statement = this.#database.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  #run(sql: string, ...values: SQLInputValue[]): { changes: number | bigint } {
    return this.#statement(sql).run(...values)
  }

  #get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#statement(sql).get(...values)
  }

  #all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values)
  }

  #number(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#get(sql, ...values)?.['value'] ?? 0)
  }
}
