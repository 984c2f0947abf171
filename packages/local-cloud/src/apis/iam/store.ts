import type { DatabaseSync } from 'node:sqlite'
import { openDatabase, transaction } from '../../kernel/database.ts'
import type { StoredPolicy } from './policy.ts'

const MIGRATIONS = [
  `CREATE TABLE accounts (
     email TEXT PRIMARY KEY,
     unique_id TEXT NOT NULL,
     display_name TEXT NOT NULL,
     description TEXT NOT NULL,
     disabled INTEGER NOT NULL,
     created_ms INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE deleted_accounts (
     unique_id TEXT PRIMARY KEY,
     email TEXT NOT NULL,
     deleted_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX deleted_by_email ON deleted_accounts (email);
   CREATE TABLE policies (resource TEXT PRIMARY KEY, policy TEXT NOT NULL) STRICT`,
  `CREATE TABLE account_keys (
     id TEXT PRIMARY KEY,
     email TEXT NOT NULL,
     public_key TEXT NOT NULL,
     created_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX keys_by_email ON account_keys (email, created_ms);
   CREATE TABLE identity_providers (name TEXT PRIMARY KEY, provider TEXT NOT NULL) STRICT`,
  `CREATE TABLE service_agents (email TEXT PRIMARY KEY, created_ms INTEGER NOT NULL) STRICT`,
]

export interface AccountRow {
  email: string
  /** 21 digits; a new account with an old name gets another one. */
  uniqueId: string
  displayName: string
  description: string
  isDisabled: boolean
  createdMs: number
}

/** The public half of a service account's key; the private half is not stored. */
export interface KeyRow {
  /** 40 hex digits. */
  id: string
  email: string
  /** PEM. */
  publicKey: string
  createdMs: number
}

/**
 * Service accounts with their keys, the policies of the project and of each account, and the providers of workload
 * identities, in `iam.sqlite`. Listings are in the order of addresses.
 */
export class IamStore {
  readonly #database: DatabaseSync
  readonly #sql: ReturnType<typeof statements>

  constructor(file: string) {
    this.#database = openDatabase(file, MIGRATIONS)
    this.#sql = statements(this.#database)
  }

  /** All of `work` is kept, or none. */
  atomically<Result>(work: () => Result): Result {
    return transaction(this.#database, work)
  }

  account(email: string): AccountRow | undefined {
    return accountRow(this.#sql.account.get(email))
  }

  accountById(uniqueId: string): AccountRow | undefined {
    return accountRow(this.#sql.accountById.get(uniqueId))
  }

  /** At most `count` accounts, those after `afterEmail`. */
  accountsPage(afterEmail: string, count: number): AccountRow[] {
    return this.#sql.accountsPage.all(afterEmail, count).map((row) => accountRow(row)!)
  }

  putAccount({ email, uniqueId, displayName, description, isDisabled, createdMs }: AccountRow): void {
    this.#sql.putAccount.run(email, uniqueId, displayName, description, Number(isDisabled), createdMs)
  }

  deleteAccount({ email, uniqueId }: AccountRow, deletedMs: number): void {
    this.#sql.deleteAccount.run(email)
    this.#sql.deleteKeysOf.run(email)
    this.#sql.putDeleted.run(uniqueId, email, deletedMs)
  }

  /** How many accounts of this address were deleted. */
  deletedCount(email: string): number {
    return Number(this.#sql.deletedCount.get(email)?.['count'])
  }

  /** In order of creation. */
  keysOf(email: string): KeyRow[] {
    return this.#sql.keysOf.all(email).map((row) => keyRow(row))
  }

  putKey({ id, email, publicKey, createdMs }: KeyRow): void {
    this.#sql.putKey.run(id, email, publicKey, createdMs)
  }

  deleteKey(id: string): void {
    this.#sql.deleteKey.run(id)
  }

  /** A registered workload identity provider, by its full name. */
  provider(name: string): unknown {
    const row = this.#sql.provider.get(name)
    return row && (JSON.parse(String(row['provider'])) as unknown)
  }

  putProvider(name: string, provider: unknown): void {
    this.#sql.putProvider.run(name, JSON.stringify(provider))
  }

  /** When a service agent was created; undefined when it does not exist. */
  agentCreatedMs(email: string): number | undefined {
    const row = this.#sql.agent.get(email)
    return row && Number(row['created_ms'])
  }

  putAgent(email: string, createdMs: number): void {
    this.#sql.putAgent.run(email, createdMs)
  }

  policy(resource: string): StoredPolicy | undefined {
    return policyOf(this.#sql.policy.get(resource))
  }

  policies(): { resource: string; policy: StoredPolicy }[] {
    return this.#sql.policies.all().map((row) => ({ resource: String(row['resource']), policy: policyOf(row)! }))
  }

  putPolicy(resource: string, policy: StoredPolicy): void {
    this.#sql.putPolicy.run(resource, JSON.stringify(policy))
  }

  deletePolicy(resource: string): void {
    this.#sql.deletePolicy.run(resource)
  }

  counts(): { 'service accounts': number } {
    return { 'service accounts': Number(this.#sql.count.get()?.['count']) }
  }

  close(): void {
    this.#database.close()
  }
}

// eslint-disable-next-line typescript/explicit-function-return-type -- the statements' names are the type
function statements(database: DatabaseSync) {
  const prepare = (sql: string) => database.prepare(sql)
  return {
    account: prepare('SELECT * FROM accounts WHERE email = ?'),
    accountById: prepare('SELECT * FROM accounts WHERE unique_id = ?'),
    accountsPage: prepare('SELECT * FROM accounts WHERE email > ? ORDER BY email LIMIT ?'),
    putAccount: prepare('INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?, ?)'),
    deleteAccount: prepare('DELETE FROM accounts WHERE email = ?'),
    putDeleted: prepare('INSERT INTO deleted_accounts VALUES (?, ?, ?)'),
    deletedCount: prepare('SELECT count(*) AS count FROM deleted_accounts WHERE email = ?'),
    keysOf: prepare('SELECT * FROM account_keys WHERE email = ? ORDER BY created_ms, id'),
    putKey: prepare('INSERT INTO account_keys VALUES (?, ?, ?, ?)'),
    deleteKey: prepare('DELETE FROM account_keys WHERE id = ?'),
    deleteKeysOf: prepare('DELETE FROM account_keys WHERE email = ?'),
    provider: prepare('SELECT provider FROM identity_providers WHERE name = ?'),
    putProvider: prepare('INSERT OR REPLACE INTO identity_providers VALUES (?, ?)'),
    agent: prepare('SELECT created_ms FROM service_agents WHERE email = ?'),
    putAgent: prepare('INSERT OR IGNORE INTO service_agents VALUES (?, ?)'),
    policy: prepare('SELECT * FROM policies WHERE resource = ?'),
    policies: prepare('SELECT * FROM policies ORDER BY resource'),
    putPolicy: prepare('INSERT OR REPLACE INTO policies VALUES (?, ?)'),
    deletePolicy: prepare('DELETE FROM policies WHERE resource = ?'),
    count: prepare('SELECT count(*) AS count FROM accounts'),
  }
}

type Row = Record<string, unknown> | undefined

function accountRow(row: Row): AccountRow | undefined {
  return (
    row && {
      email: String(row['email']),
      uniqueId: String(row['unique_id']),
      displayName: String(row['display_name']),
      description: String(row['description']),
      isDisabled: row['disabled'] === 1,
      createdMs: Number(row['created_ms']),
    }
  )
}

function keyRow(row: NonNullable<Row>): KeyRow {
  return {
    id: String(row['id']),
    email: String(row['email']),
    publicKey: String(row['public_key']),
    createdMs: Number(row['created_ms']),
  }
}

function policyOf(row: Row): StoredPolicy | undefined {
  return row && (JSON.parse(String(row['policy'])) as StoredPolicy)
}
