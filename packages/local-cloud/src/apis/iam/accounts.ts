import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { unauthenticated, type TokenHolder } from '../identity/access-tokens.ts'
import { accountId } from '../identity/id-tokens.ts'
import type { Principal } from '../../kernel/api.ts'
import { permissionDenied } from './denials.ts'
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
  /** How long a new account is missing or refused now and then. */
  settlingMs(): number
  /** Whether an organization policy forbids new accounts, and which. */
  creationConstraint(): string | undefined
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
  /** Calls about each new account so far. */
  readonly #callsWhileNew = new Map<string, number>()

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

  /** Creates an account that takes its time to be seen everywhere. Throws as `create`. */
  createNew(id: string, fields: AccountFields): AccountRow {
    const row = this.create(id, fields)
    this.#callsWhileNew.set(row.email, 0)
    return row
  }

  /** Throws INVALID_ARGUMENT, ALREADY_EXISTS, FAILED_PRECONDITION. */
  create(id: string, fields: AccountFields): AccountRow {
    checkAccountId(id)
    checkFields(fields)
    const constraint = this.#options.creationConstraint()
    if (constraint !== undefined) throw creationForbidden(constraint, this.#options.projectId)
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
    return existing(this.find(key))
  }

  /** As a caller with this permission finds it; undefined when it is missing. Throws PERMISSION_DENIED for some calls about a new account. */
  found(key: string, permission: string): AccountRow | undefined {
    const row = this.find(key)
    const view = row && this.#view(row)
    if (view !== 'hidden') return view === 'there' ? row : undefined
    const resource = `projects/${this.#options.projectId}/serviceAccounts/${row?.email}`
    throw permissionDenied({ email: '' }, { permission, resource })
  }

  /**
   * What the next call about an account finds: while the account is new, IAM's servers do not agree on it. Two of three
   * such calls do not find it, in turn as if it were missing and as if the caller were not allowed to see it.
   */
  #view(row: AccountRow): 'there' | 'missing' | 'hidden' {
    const calls = this.#callsWhileNew.get(row.email)
    if (calls === undefined) return 'there'
    if (this.#options.clock.now() >= row.createdMs + this.#options.settlingMs()) {
      this.#callsWhileNew.delete(row.email)
      return 'there'
    }
    this.#callsWhileNew.set(row.email, calls + 1)
    return (['missing', 'hidden', 'there'] as const)[calls % 3]!
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
    if (!this.isLocal(email)) return undefined
    const row = this.#known.get(email) ?? this.#store.account(email)
    if (row) this.#known.set(email, row)
    return row && this.#view(row) === 'there' ? undefined : `Service account ${email} does not exist.`
  }
}

/** Throws NOT_FOUND. */
export function existing(row: AccountRow | undefined): AccountRow {
  if (!row) throw new GoogleError('NOT_FOUND', 'Unknown service account', { details: [] })
  return row
}

/**
 * https://cloud.google.com/iam/docs/troubleshoot-org-policies; a managed constraint is refused like a custom one
 * (https://cloud.google.com/resource-manager/docs/organization-policy/creating-managing-custom-constraints#testing).
 */
function creationForbidden(constraint: string, projectId: string): GoogleError {
  const description = 'Service account creation is not allowed on this project.'
  const name = `constraints/${constraint}`
  if (constraint.includes('.managed.')) {
    const message = `Operation denied by org policy: ["${name}": "${description}"].`
    const reason = { customConstraints: name, service: 'iam.googleapis.com' }
    return new GoogleError('FAILED_PRECONDITION', message, {
      details: [
        {
          '@type': 'type.googleapis.com/google.rpc.ErrorInfo',
          reason: 'CUSTOM_ORG_POLICY_VIOLATION',
          domain: 'googleapis.com',
          metadata: reason,
        },
      ],
    })
  }
  const subject = `projects/${projectId}/serviceAccounts/?configvalue=`
  return new GoogleError('FAILED_PRECONDITION', description, {
    details: [
      {
        '@type': 'type.googleapis.com/google.rpc.PreconditionFailure',
        violations: [{ type: name, subject, description }],
      },
    ],
  })
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
