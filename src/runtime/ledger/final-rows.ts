import { tablePath } from '../../contracts/names.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { LOOKUP_TIMEOUT_MS, type FinalRow, type KeyedUnit } from '../../run-data/run-tables.ts'
import { within, type CancelTimer, type Clock } from '../clock.ts'

/**
 * How long the first lookup of a group waits for others. Many lookups come at once after an instance was
 * killed with all its tasks, and each query is billed at least 10 MB
 * (https://cloud.google.com/bigquery/pricing#on_demand_pricing). Those that come while the first query runs share the next
 * one, so a longer wait would save one query and delay every probe.
 */
const WINDOW_MS = 2

/**
 * Maximum number of units in one query: BigQuery accepts 10 MB of parameters
 * (https://cloud.google.com/bigquery/quotas#query_jobs).
 */
const MAX_GROUP_UNITS = 1_000
const MAX_GROUP_BYTES = 1_000_000

type Ledger = Pick<RunSpec, 'tables' | 'source'>

interface Question extends KeyedUnit {
  generation: number
  resolve: (row: FinalRow | undefined) => void
  reject: (error: unknown) => void
}

/** The waiting lookups in one ledger, and whether its query is running. */
interface Lane {
  ledger: Ledger
  waiting: Question[]
  isAsking: boolean
  cancelTimer: CancelTimer | undefined
}

export interface FinalRowsOptions {
  /** Returns the final rows of units, in all generations. */
  read: (ledger: Ledger, units: readonly KeyedUnit[]) => Promise<readonly FinalRow[]>
  clock: Clock
}

/**
 * Finds out whether a unit already has its final row in the ledger. Lookups that arrive close together
 * share one query. Each ledger has one query at a time; later lookups go into the next one.
 */
export class FinalRows {
  readonly #options: FinalRowsOptions
  readonly #lanes = new Map<string, Lane>()

  constructor(options: FinalRowsOptions) {
    this.#options = options
  }

  /**
   * Returns the row that makes an attempt of this generation superfluous, or undefined: an answer of any generation,
   * because a retry queues only failed units, or else the newest failure of this generation or a later one. Rejects with
   * CloudError when the ledger cannot be read in time.
   */
  find(ledger: Ledger, unit: KeyedUnit & { generation: number }): Promise<FinalRow | undefined> {
    const { unitId, bucket, generation } = unit
    return new Promise((resolve, reject) => {
      const lane = this.#lane(ledger)
      lane.waiting.push({ unitId, bucket, generation, resolve, reject })
      if (lane.isAsking) return
      lane.cancelTimer ??= this.#options.clock.after(WINDOW_MS, () => {
        lane.cancelTimer = undefined
        void this.#ask(lane)
      })
    })
  }

  #lane(ledger: Ledger): Lane {
    const key = tablePath(ledger.tables, ledger.tables.attempts)
    let lane = this.#lanes.get(key)
    if (!lane) {
      lane = { ledger, waiting: [], isAsking: false, cancelTimer: undefined }
      this.#lanes.set(key, lane)
    }
    return lane
  }

  /** Never rejects: every lookup is resolved, or rejected with the cause. */
  async #ask(lane: Lane): Promise<void> {
    lane.isAsking = true
    while (lane.waiting.length > 0) await this.#askGroup(lane.ledger, takeGroup(lane))
    this.#lanes.delete(tablePath(lane.ledger.tables, lane.ledger.tables.attempts))
  }

  async #askGroup(ledger: Ledger, group: readonly Question[]): Promise<void> {
    const { clock, read } = this.#options
    try {
      const units = [...new Map(group.map(({ unitId, bucket }) => [unitId, { unitId, bucket }])).values()]
      const rows = await within(clock, LOOKUP_TIMEOUT_MS, read(ledger, units), () => unanswered(ledger))
      const best = new Map<string, FinalRow>()
      for (const row of rows) {
        const known = best.get(row.unit_id)
        if (!known || rank(row) > rank(known)) best.set(row.unit_id, row)
      }
      for (const { unitId, generation, resolve } of group) {
        const row = best.get(unitId)
        resolve(row && rank(row) >= generation ? row : undefined)
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }
}

function takeGroup(lane: Lane): Question[] {
  let bytes = 0
  let count = 0
  for (const { unitId } of lane.waiting) {
    bytes += Buffer.byteLength(unitId)
    if (count > 0 && (count === MAX_GROUP_UNITS || bytes > MAX_GROUP_BYTES)) break
    count += 1
  }
  return lane.waiting.splice(0, count)
}

/** The last generation that a row makes superfluous. */
function rank({ status, generation }: FinalRow): number {
  return status === 'ok' ? Number.POSITIVE_INFINITY : Number(generation)
}

function unanswered({ tables }: Ledger): CloudError {
  return new CloudError(
    'DEADLINE_EXCEEDED',
    `BigQuery did not respond to a query over ${tables.dataset}.${tables.attempts} within ${LOOKUP_TIMEOUT_MS / 1_000} s`,
  )
}
