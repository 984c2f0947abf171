import { wilson } from '@imagery/viewer/contract/wilson'
import type { Confusion, EvaluatedColumn } from '../../contracts/evaluation.ts'
import { classScores, macroScores } from './class-scores.ts'
import { valueIn } from './columns.ts'
import { isWithin, NO_TOLERANCE, NumberDifferences, type Tolerance } from './number-errors.ts'
import { isFailed, type UnitRow } from './run-rows.ts'
import { Named, type JudgedColumn, type TrueCell } from './truth.ts'
import { isNumeric, isSame, shownValue, readValue, twinForms, type JudgedValue } from './values.ts'

/** A list of confusions has at most this many pairs, and a pair this many examples. */
export const MOST_PAIRS = 20
export const MOST_EXAMPLES = 5

/** Judges one column of a run's answers, unit by unit. */
export class ColumnJudge {
  readonly #judged: JudgedColumn
  readonly #tolerance: Tolerance
  readonly #twins: ReadonlySet<string>
  readonly #pairs = new Map<string, Confusion>()
  readonly #differences = new NumberDifferences()
  readonly #unreadable = new Named()
  #units = 0
  #right = 0
  #failed = 0
  #withoutValue = 0

  constructor(judged: JudgedColumn, tolerance: Tolerance = NO_TOLERANCE) {
    this.#judged = judged
    this.#twins = twinForms(judged.column)
    this.#tolerance = tolerance
  }

  /** Whether an answer is right; undefined if the truth does not say. Counts nothing. */
  isRight(unit: UnitRow, cell: TrueCell): boolean | undefined {
    if (cell.is === 'unreadable') return undefined
    if (isFailed(unit)) return false
    if (cell.is !== 'value') return cell.is === 'right'
    const answer = this.answerOf(unit)
    return answer !== null && this.#fits(answer, cell.value)
  }

  add(unit: UnitRow, cell: TrueCell): void {
    const isRight = this.isRight(unit, cell)
    if (isRight === undefined) {
      this.#unreadable.add(`${unit.unitId}: ${cell.is === 'unreadable' ? cell.text : ''}`)
      return
    }
    const answer = isFailed(unit) ? null : this.answerOf(unit)
    this.#units += 1
    if (isRight) this.#right += 1
    else if (isFailed(unit)) this.#failed += 1
    else if (answer === null) this.#withoutValue += 1
    const truth = cell.is === 'value' ? cell.value : cell.is === 'right' ? answer : null
    if (isNumeric(truth) && isNumeric(answer) && cell.is === 'value')
      this.#differences.add(Number(answer) - Number(truth))
    if (this.#hasClasses || !isRight) this.#count(truth, answer, unit)
  }

  get result(): EvaluatedColumn {
    const { column, truthColumn } = this.#judged
    const pairs = [...this.#pairs.values()]
    const classes = this.#hasClasses ? this.#classes(pairs) : null
    const { amount, isShare } = this.#tolerance
    return {
      column: column.name,
      truth_column: truthColumn,
      kind: column.kind,
      judged: this.#units,
      right: this.#right,
      failed: this.#failed,
      without_value: this.#withoutValue,
      accuracy: wilson(this.#right, this.#units),
      unreadable: this.#unreadable.rows,
      classes,
      macro: classes && macroScores(classes),
      confusion: this.#hasClasses ? pairs.map(({ examples: _examples, ...cell }) => cell).toSorted(mostFirst) : null,
      worst: pairs
        .filter((pair) => pair.failed || pair.truth === null || pair.truth !== pair.answer)
        .toSorted(mostFirst)
        .slice(0, MOST_PAIRS),
      number:
        column.kind === 'number'
          ? { tolerance: amount, tolerance_is_share: isShare, errors: this.#differences.errors }
          : null,
    }
  }

  get #hasClasses(): boolean {
    const { kind } = this.#judged.column
    return kind === 'enum' || kind === 'boolean'
  }

  /** The answer's value; null if it has none. */
  answerOf({ row }: UnitRow): JudgedValue | null {
    const { column } = this.#judged
    return readValue(column, valueIn(row, column.path)) ?? null
  }

  #fits(answer: JudgedValue, truth: JudgedValue): boolean {
    if (!isNumeric(answer) || !isNumeric(truth) || isSame(answer, truth)) return isSame(answer, truth, this.#twins)
    // Two integers beyond 2^53 can be one and the same floating-point number.
    if (this.#tolerance.amount === 0 && (typeof answer === 'bigint' || typeof truth === 'bigint')) return false
    return isWithin(Number(answer), Number(truth), this.#tolerance)
  }

  #count(truth: JudgedValue | null, answer: JudgedValue | null, unit: UnitRow): void {
    const failed = isFailed(unit)
    const shown = { truth: shownValue(truth), answer: shownValue(answer), failed }
    const key = JSON.stringify([shown.truth, shown.answer, failed])
    let pair = this.#pairs.get(key)
    if (!pair) this.#pairs.set(key, (pair = { ...shown, units: 0, examples: [] }))
    pair.units += 1
    if (pair.examples.length < MOST_EXAMPLES) pair.examples.push({ unit_id: unit.unitId, asset_id: unit.assetId })
  }

  #classes(pairs: readonly Confusion[]): EvaluatedColumn['classes'] {
    const { kind, allowed } = this.#judged.column
    const known = kind === 'boolean' ? ['true', 'false'] : (allowed ?? [])
    const counted = pairs.flatMap(({ truth, answer, units }) =>
      truth === null ? [] : [{ truth: String(truth), answer: answer === null ? null : String(answer), count: units }],
    )
    const others = new Set(counted.flatMap(({ truth, answer }) => (answer === null ? [truth] : [truth, answer])))
    return classScores([...known, ...[...others].filter((each) => !known.includes(each)).toSorted()], counted)
  }
}

/** Most common first, then by value, so that the order is always the same. */
function mostFirst(one: Pick<Confusion, 'units' | 'truth' | 'answer'>, other: typeof one): number {
  const text = (pair: typeof one): string => JSON.stringify([pair.truth, pair.answer])
  return other.units - one.units || (text(one) < text(other) ? -1 : 1)
}
