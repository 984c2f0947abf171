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

/** Service accounts with their keys, the policies of the project and of each account, and the providers of workload identities, in `iam.sqlite`. Listings are in the order of addresses. */
export interface IamStore {
  atomically<Result>(work: () => Result): Result
  account(email: string): AccountRow | undefined
  accountById(uniqueId: string): AccountRow | undefined
  /** At most `count` accounts, those after `afterEmail`. */
  accountsPage(afterEmail: string, count: number): AccountRow[]
  putAccount(row: AccountRow): void
  deleteAccount(row: AccountRow, deletedMs: number): void
  /** How many accounts of this address were deleted. */
  deletedCount(email: string): number
  /** In order of creation. */
  keysOf(email: string): KeyRow[]
  putKey(row: KeyRow): void
  deleteKey(id: string): void
  /** A registered workload identity provider, by its full name. */
  provider(name: string): unknown
  putProvider(name: string, provider: unknown): void
  policy(resource: string): StoredPolicy | undefined
  policies(): { resource: string; policy: StoredPolicy }[]
  putPolicy(resource: string, policy: StoredPolicy): void
  deletePolicy(resource: string): void
  counts(): { 'service accounts': number }
  close(): void
}

export function openIamStore(file: string): IamStore {
  const database = openDatabase(file, MIGRATIONS)
  const sql = statements(database)
  return {
    atomically: (work) => transaction(database, work),
    account: (email) => accountRow(sql.account.get(email)),
    accountById: (uniqueId) => accountRow(sql.accountById.get(uniqueId)),
    accountsPage: (afterEmail, count) => sql.accountsPage.all(afterEmail, count).map((row) => accountRow(row)!),
    putAccount: (row) => {
      const { email, uniqueId, displayName, description, isDisabled, createdMs } = row
      sql.putAccount.run(email, uniqueId, displayName, description, Number(isDisabled), createdMs)
    },
    deleteAccount: ({ email, uniqueId }, deletedMs) => {
      sql.deleteAccount.run(email)
      sql.deleteKeysOf.run(email)
      sql.putDeleted.run(uniqueId, email, deletedMs)
    },
    deletedCount: (email) => Number(sql.deletedCount.get(email)?.['count']),
    keysOf: (email) => sql.keysOf.all(email).map((row) => keyRow(row)),
    putKey: ({ id, email, publicKey, createdMs }) => void sql.putKey.run(id, email, publicKey, createdMs),
    deleteKey: (id) => void sql.deleteKey.run(id),
    provider: (name) => {
      const row = sql.provider.get(name)
      return row && (JSON.parse(String(row['provider'])) as unknown)
    },
    putProvider: (name, provider) => void sql.putProvider.run(name, JSON.stringify(provider)),
    policy: (resource) => policyOf(sql.policy.get(resource)),
    policies: () => sql.policies.all().map((row) => ({ resource: String(row['resource']), policy: policyOf(row)! })),
    putPolicy: (resource, policy) => void sql.putPolicy.run(resource, JSON.stringify(policy)),
    deletePolicy: (resource) => void sql.deletePolicy.run(resource),
    counts: () => ({ 'service accounts': Number(sql.count.get()?.['count']) }),
    close: () => database.close(),
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
