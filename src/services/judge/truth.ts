import type { NamedRows, TruthSummary } from '../../contracts/evaluation.ts'
import type { Unit } from '../../contracts/model-options.ts'
import { ExactNumber, parseExactJson } from '../source/exact-json.ts'
import { valueIn, type AnswerColumn } from './columns.ts'
import type { UnitRow } from './run-rows.ts'
import { truthColumns, type TruthColumn, type TruthFlags } from './truth-columns.ts'
import type { TruthTable } from './truth-rows.ts'
import { isSame, readValue, twinForms, type JudgedValue } from './values.ts'

/** What is known about a column of a unit: its true value, or what a reviewer said of the answer. */
export type TrueCell =
  | { is: 'value'; value: JudgedValue }
  | { is: 'right' }
  | { is: 'wrong' }
  /** The truth has a value that the column cannot have. */
  | { is: 'unreadable'; text: string }

/** What is known about a unit, by column. A column that is not there is not judged. */
export type TrueCells = ReadonlyMap<string, TrueCell>

export interface JudgedColumn {
  column: AnswerColumn
  /** Null for reviews. */
  truthColumn: string | null
}

/** The true values for a run. */
export interface Truth {
  columns: readonly JudgedColumn[]
  /** Returns what is known about a unit, and notes that the unit was found. */
  of(unit: UnitRow): TrueCells | undefined
  /** Call it after the last unit. */
  summary(): TruthSummary
}

/** What is known of each judged column, in their order. */
type Cells = readonly (TrueCell | undefined)[]

/** A truth of a million rows is held in memory, so an entry is small. */
interface Entry {
  cells: Cells
  isContradictory: boolean
  isMatched: boolean
  rows: number
}

/** Counts things and remembers the first few. */
export class Named {
  #count = 0
  readonly #examples: string[] = []

  add(example: string): void {
    this.#count += 1
    if (this.#examples.length < 5) this.#examples.push(example)
  }

  get rows(): NamedRows {
    return { count: this.#count, examples: [...this.#examples] }
  }
}

/**
 * Reads a table of true values. Each ID names a unit, or else the observation or the asset of units.
 *
 * @throws ImageryError COLUMN_NOT_FOUND, SOURCE_UNSUPPORTED
 */
export async function readTruth(
  table: TruthTable,
  answer: readonly AnswerColumn[],
  options: TruthFlags & { unit: Unit; signal?: AbortSignal | undefined },
): Promise<Truth> {
  const { id, judged, unused } = truthColumns(table, answer, options)
  const entries = new Map<string, Entry>()
  const [withoutId, repeated] = [new Named(), new Named()]
  const readers = judged.map((each) => cellReader(each))
  let rows = 0
  for await (const { place, values } of table.rows([id, ...judged.map(({ index }) => index)])) {
    options.signal?.throwIfAborted()
    rows += 1
    const key = idText(values[0])
    if (key === '') {
      withoutId.add(place)
      continue
    }
    const cells = readers.map((cellOf, index) => cellOf(values[index + 1]))
    const known = entries.get(key)
    if (!known) {
      entries.set(key, { cells, isContradictory: false, isMatched: false, rows: 1 })
      continue
    }
    known.rows += 1
    if (known.isContradictory) continue
    const both = merged(known.cells, cells, judged)
    if (both) {
      known.cells = both
      repeated.add(`${key} (${place})`)
    } else known.isContradictory = true
  }
  return {
    columns: judged.map(({ column, index }) => ({ column, truthColumn: table.headers[index]! })),
    of(unit) {
      const entry = [unit.unitId, ...(options.unit === 'observation' ? [unit.observationId] : []), unit.assetId]
        .map((key) => (key === null ? undefined : entries.get(key.trim())))
        .find((found) => found !== undefined)
      if (!entry) return undefined
      entry.isMatched = true
      return entry.isContradictory ? undefined : cellsByName(entry.cells, judged)
    },
    summary() {
      const all = [...entries]
      return {
        source: table.given,
        id_column: table.headers[id]!,
        rows,
        matched: all.reduce((sum, [, { isMatched, rows: own }]) => sum + (isMatched ? own : 0), 0),
        unmatched: unmatchedRows(all),
        without_id: withoutId.rows,
        repeated: repeated.rows,
        contradictory: namedRows(all.filter(([, { isContradictory }]) => isContradictory)),
        unused_columns: [...unused],
      }
    },
  }
}

/** Counts each row of an ID, and names the ID once. */
function unmatchedRows(entries: readonly (readonly [string, Entry])[]): NamedRows {
  const left = entries.filter(([, { isMatched }]) => !isMatched)
  return { ...namedRows(left), count: left.reduce((sum, [, { rows }]) => sum + rows, 0) }
}

function namedRows(entries: readonly (readonly [string, unknown])[]): NamedRows {
  const named = new Named()
  for (const [key] of entries) named.add(key)
  return named.rows
}

/** An ID without the spaces around it, which people do not see. */
function idText(value: unknown): string {
  if (value instanceof ExactNumber) return value.source
  return value === null || value === undefined || typeof value === 'object' ? '' : String(value).trim()
}

function cellsByName(cells: Cells, judged: readonly TruthColumn[]): TrueCells {
  return new Map(cells.flatMap((cell, index) => (cell ? [[judged[index]!.column.name, cell] as const] : [])))
}

/** Of a column, at most this many different values are looked up, so that rows with the same value share it. */
const MOST_SHARED = 1_000

/** Returns what reads the cells of a column; nothing is known of an empty one. */
function cellReader({ column, member }: TruthColumn): (given: unknown) => TrueCell | undefined {
  const shared = new Map<JudgedValue, TrueCell>()
  return (cell) => {
    const given = memberOf(cell, member)
    const value = readValue(column, given)
    if (value === undefined) return { is: 'unreadable', text: shown(given) }
    if (value === null) return undefined
    const known = shared.get(value) ?? { is: 'value', value }
    if (shared.size < MOST_SHARED) shared.set(value, known)
    return known
  }
}

/** A member of a struct that is written as JSON; what is no JSON object stays as it is, so that it is named as unreadable. */
function memberOf(value: unknown, path: readonly string[]): unknown {
  if (path.length === 0 || typeof value !== 'string' || value.trim() === '') return value
  try {
    const struct: unknown = parseExactJson(value)
    return typeof struct === 'object' ? valueIn({ struct }, ['struct', ...path]) : value
  } catch {
    return value
  }
}

function shown(value: unknown): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
  return text.length > 60 ? `${text.slice(0, 59)}…` : text
}

/** Returns what two rows of one unit say together; undefined if they contradict each other. */
function merged(one: Cells, other: Cells, judged: readonly TruthColumn[]): Cells | undefined {
  const isContradiction = judged.some(({ column }, index) => {
    const [known, cell] = [one[index], other[index]]
    return known?.is === 'value' && cell?.is === 'value' && !isSame(known.value, cell.value, twinForms(column))
  })
  if (isContradiction) return undefined
  return one.map((known, index) => (known?.is === 'value' ? known : (other[index] ?? known)))
}
