import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { unauthenticated, type TokenHolder } from '../identity/access-tokens.ts'
import { accountId } from '../identity/id-tokens.ts'
import type { Principal } from '../../kernel/api.ts'
import type { AccountRow, IamStore } from './store.ts'

/** https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts/create#request-body */
const ACCOUNT_ID = /^[a-z]([-a-z0-9]*[a-z0-9])$/
const MIN_ID_CHARACTERS = 6
const MAX_ID_CHARACTERS = 30
/** https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts#ServiceAccount */
const MAX_DISPLAY_NAME_BYTES = 100
const MAX_DESCRIPTION_BYTES = 256

const MAX_PAGE = 100
const DEFAULT_PAGE = 20

export interface AccountFields {
  displayName?: string
  description?: string
}

export interface AccountsOptions {
  store: IamStore
  clock: Clock
  projectId: string
  /** Called after each change that affects permissions. */
  changed(): void
  /** Called when an account is deleted: policies keep it, marked as deleted. */
  deleted(row: AccountRow): Promise<void>
}

/** The service accounts of the local project (https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts). */
export class Accounts {
  readonly #options: AccountsOptions
  readonly #store: IamStore
  /** Accounts by address, because every call looks one up. */
  readonly #known = new Map<string, AccountRow>()
  /** `@P.iam.gserviceaccount.com`; the project `example.com:p` has `@p.example.com.iam…`. */
  readonly #domain: string

  constructor(options: AccountsOptions) {
    this.#options = options
    this.#store = options.store
    this.#domain = `@${options.projectId.split(':').toReversed().join('.')}.iam.gserviceaccount.com`
  }

  /** The address of an account of the local project. */
  emailOf(id: string): string {
    return `${id}${this.#domain}`
  }

  /** Whether the address belongs to the local project, even if the account does not exist. */
  isLocal(email: string): boolean {
    return email.endsWith(this.#domain)
  }

  /**
   * Returns the owner of the token. Its account must exist, be enabled, and be the one that the token
   * was issued for, not a later one with the same name. Throws UNAUTHENTICATED.
   */
  admitted({ email, sets, issuedMs }: TokenHolder): Principal {
    if (!this.isLocal(email)) return { email, ...(sets ? { sets } : {}) }
    const row = this.#usable(email)
    if (!row || issuedMs < row.createdMs) throw unauthenticated('Request had invalid authentication credentials.')
    return { email }
  }

  #usable(email: string): AccountRow | undefined {
    let row = this.#known.get(email)
    if (!row) {
      row = this.#store.account(email)
      if (row) this.#known.set(email, row)
    }
    return row?.isDisabled ? undefined : row
  }

  /** Throws INVALID_ARGUMENT, ALREADY_EXISTS. */
  create(id: string, fields: AccountFields): AccountRow {
    checkAccountId(id)
    checkFields(fields)
    const email = this.emailOf(id)
    if (this.#store.account(email)) {
      throw new GoogleError(
        'ALREADY_EXISTS',
        `Service account ${id} already exists within project projects/${this.#options.projectId}.`,
        {
          details: [
            {
              '@type': 'type.googleapis.com/google.rpc.ResourceInfo',
              resourceName: `projects/${this.#options.projectId}/serviceAccounts/${email}`,
            },
          ],
        },
      )
    }
    const deletions = this.#store.deletedCount(email)
    const row: AccountRow = {
      email,
      uniqueId: accountId(deletions === 0 ? email : `${email} ${deletions + 1}`),
      displayName: fields.displayName ?? '',
      description: fields.description ?? '',
      isDisabled: false,
      createdMs: this.#options.clock.now(),
    }
    this.#store.putAccount(row)
    this.#options.changed()
    return row
  }

  /** By address or unique id. Throws NOT_FOUND. */
  get(key: string): AccountRow {
    const row = this.find(key)
    if (!row) throw new GoogleError('NOT_FOUND', 'Unknown service account', { details: [] })
    return row
  }

  find(key: string): AccountRow | undefined {
    return /^\d+$/.test(key) ? this.#store.accountById(key) : this.#store.account(key)
  }

  /** A page of accounts, and the address after which the next page starts. */
  list(pageSize: number, afterEmail: string): { rows: AccountRow[]; next: string | undefined } {
    const size = Math.min(pageSize > 0 ? pageSize : DEFAULT_PAGE, MAX_PAGE)
    const rows = this.#store.accountsPage(afterEmail, size + 1)
    const page = rows.slice(0, size)
    return { rows: page, next: rows.length > size ? page.at(-1)?.email : undefined }
  }

  change(key: string, fields: AccountFields): AccountRow {
    checkFields(fields)
    const changed = { ...this.get(key), ...fields }
    this.#store.putAccount(changed)
    return changed
  }

  setDisabled(key: string, isDisabled: boolean): void {
    const row = { ...this.get(key), isDisabled }
    this.#store.putAccount(row)
    this.#known.delete(row.email)
    this.#options.changed()
  }

  /** A new account with the same name does not inherit its roles. */
  async delete(key: string): Promise<void> {
    const row = this.get(key)
    this.#store.atomically(() => {
      this.#known.delete(row.email)
      this.#store.deleteAccount(row, this.#options.clock.now())
      this.#store.deletePolicy(`projects/${this.#options.projectId}/serviceAccounts/${row.email}`)
    })
    await this.#options.deleted(row)
  }

  /** Returns why a policy cannot name the account: only accounts of the local project can be checked. */
  fault(email: string): string | undefined {
    if (!this.isLocal(email) || this.#store.account(email)) return undefined
    return `Service account ${email} does not exist.`
  }
}

function checkAccountId(id: string): void {
  if (id.length < MIN_ID_CHARACTERS || id.length > MAX_ID_CHARACTERS) {
    throw invalid(
      `The account ID "${id}" does not have a length between ${MIN_ID_CHARACTERS} and ${MAX_ID_CHARACTERS}.`,
    )
  }
  if (!ACCOUNT_ID.test(id)) throw invalid(`The account ID "${id}" does not match the pattern "${ACCOUNT_ID.source}".`)
}

function checkFields({ displayName = '', description = '' }: AccountFields): void {
  if (Buffer.byteLength(displayName) > MAX_DISPLAY_NAME_BYTES) {
    throw invalid(`The display name must be at most ${MAX_DISPLAY_NAME_BYTES} UTF-8 bytes.`)
  }
  if (Buffer.byteLength(description) > MAX_DESCRIPTION_BYTES) {
    throw invalid(`The description must be at most ${MAX_DESCRIPTION_BYTES} UTF-8 bytes.`)
  }
}

function invalid(message: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', message, { details: [] })
}
