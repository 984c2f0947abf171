import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import type { StoredPolicy } from '../iam/policy.ts'
import { openDatabase } from '../../kernel/database.ts'
import type { Revision, Service } from './resources.ts'

const MIGRATIONS = [
  `CREATE TABLE services (name TEXT PRIMARY KEY, resource TEXT NOT NULL, policy TEXT NOT NULL);
   CREATE TABLE revisions (name TEXT PRIMARY KEY, service TEXT NOT NULL, resource TEXT NOT NULL);
   CREATE INDEX revisions_of_service ON revisions (service);
   CREATE TABLE operations (
     name TEXT PRIMARY KEY, service TEXT NOT NULL, done INTEGER NOT NULL, finished_ms INTEGER, record TEXT NOT NULL
   )`,
]

export interface StoredService {
  service: Service
  policy: StoredPolicy
}

/** A long-running operation on a service, and its outcome. */
export interface StoredOperation {
  name: string
  service: string
  kind: 'deploy' | 'delete'
  /** The revision that it creates; none when only the service changes or is deleted. */
  revision: string | undefined
  done: boolean
  error?: { code: number; message: string }
  /** The service as of the end of the operation. */
  response?: Service
}

/** Services, revisions and operations in `<directory>/run.sqlite`. Listings are in the order of names. */
export class RunStore {
  readonly #database: DatabaseSync

  constructor(file: string) {
    this.#database = openDatabase(file, MIGRATIONS)
  }

  close(): void {
    this.#database.close()
  }

  service(name: string): StoredService | undefined {
    return this.#services('WHERE name = ?', name)[0]
  }

  allServices(): StoredService[] {
    return this.#services('ORDER BY name')
  }

  /** At most `count` services of `projects/P/locations/L`, those after `afterName`. */
  servicesPage(location: string, afterName: string, count: number): Service[] {
    const clause = 'WHERE name > ? AND name >= ? AND name < ? ORDER BY name LIMIT ?'
    return this.#services(clause, afterName, ...childRange(`${location}/services`), count).map(({ service }) => service)
  }

  /** Every service whose name begins with the parent's, in their order: of `projects/P/locations`, say. */
  servicesUnder(parent: string): Service[] {
    return this.#services('WHERE name >= ? AND name < ? ORDER BY name', ...childRange(parent)).map(
      ({ service }) => service,
    )
  }

  putService({ service, policy }: StoredService): void {
    this.#run(
      'INSERT OR REPLACE INTO services (name, resource, policy) VALUES (?, ?, ?)',
      service.name,
      JSON.stringify(service),
      JSON.stringify(policy),
    )
  }

  /** Removes the service and its revisions. */
  deleteService(name: string): void {
    this.#run('DELETE FROM revisions WHERE service = ?', name)
    this.#run('DELETE FROM services WHERE name = ?', name)
  }

  revision(name: string): Revision | undefined {
    return this.#revisions('WHERE name = ?', name)[0]
  }

  /** At most `count` revisions of a service, those after `afterName`. */
  revisionsPage(service: string, afterName: string, count: number): Revision[] {
    return this.#revisions('WHERE service = ? AND name > ? ORDER BY name LIMIT ?', service, afterName, count)
  }

  revisionNames(service: string): string[] {
    return this.#revisions('WHERE service = ? ORDER BY name', service).map(({ name }) => name)
  }

  putRevision(revision: Revision): void {
    this.#run(
      'INSERT OR REPLACE INTO revisions (name, service, resource) VALUES (?, ?, ?)',
      revision.name,
      revision.service,
      JSON.stringify(revision),
    )
  }

  operation(name: string): StoredOperation | undefined {
    return this.#operations('WHERE name = ?', name)[0]
  }

  unfinishedOperations(): StoredOperation[] {
    return this.#operations('WHERE done = 0 ORDER BY rowid')
  }

  putOperation(operation: StoredOperation, finishedMs?: number): void {
    // An upsert keeps the row's place, which keeps the order of unfinished operations.
    this.#run(
      `INSERT INTO operations (name, service, done, finished_ms, record) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT (name) DO UPDATE SET done = excluded.done, finished_ms = excluded.finished_ms, record = excluded.record`,
      operation.name,
      operation.service,
      operation.done ? 1 : 0,
      finishedMs ?? null,
      JSON.stringify(operation),
    )
  }

  /** Forgets the operations that finished before `beforeMs`. */
  dropOperations(beforeMs: number): void {
    this.#run('DELETE FROM operations WHERE done = 1 AND finished_ms < ?', beforeMs)
  }

  counts(): { services: number; revisions: number } {
    const row = this.#database
      .prepare('SELECT (SELECT count(*) FROM services) AS services, (SELECT count(*) FROM revisions) AS revisions')
      .get()
    return { services: Number(row?.['services']), revisions: Number(row?.['revisions']) }
  }

  #services(clause: string, ...values: SQLInputValue[]): StoredService[] {
    const rows = this.#database.prepare(`SELECT resource, policy FROM services ${clause}`).all(...values)
    return rows.map((row) => ({
      service: JSON.parse(String(row['resource'])) as Service,
      policy: JSON.parse(String(row['policy'])) as StoredPolicy,
    }))
  }

  #revisions(clause: string, ...values: SQLInputValue[]): Revision[] {
    const rows = this.#database.prepare(`SELECT resource FROM revisions ${clause}`).all(...values)
    return rows.map((row) => JSON.parse(String(row['resource'])) as Revision)
  }

  #operations(clause: string, ...values: SQLInputValue[]): StoredOperation[] {
    const rows = this.#database.prepare(`SELECT record FROM operations ${clause}`).all(...values)
    return rows.map((row) => JSON.parse(String(row['record'])) as StoredOperation)
  }

  #run(sql: string, ...values: SQLInputValue[]): void {
    this.#database.prepare(sql).run(...values)
  }
}

/** The range of names below `parent/`: `0` is the character after `/`. */
function childRange(parent: string): [from: string, to: string] {
  return [`${parent}/`, `${parent}0`]
}
