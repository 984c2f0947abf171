import type { ComparedColumn, Disagreement } from '@imagery/viewer/contract/comparison'
import { wilson } from '@imagery/viewer/contract/wilson'
import { MOST_EXAMPLES, MOST_PAIRS } from './column-judge.ts'
import { valueIn, type AnswerColumn } from './columns.ts'
import { cohensKappa } from './kappa.ts'
import { isWithin, NO_TOLERANCE, NumberDifferences, type Tolerance } from './number-errors.ts'
import type { UnitRow } from './run-rows.ts'
import { isNumeric, isSame, plainForm, readValue, shownValue, twinForms, type JudgedValue } from './values.ts'

/** Compares one column of two answers, unit by unit. */
export class ColumnAgreement {
  readonly #a: AnswerColumn
  readonly #b: AnswerColumn
  readonly #tolerance: Tolerance
  readonly #twins: ReadonlySet<string>
  readonly #pairs = new Map<string, { a: string; b: string; count: number }>()
  readonly #disagreements = new Map<string, Disagreement>()
  readonly #differences = new NumberDifferences()
  #units = 0
  #agreed = 0

  constructor(a: AnswerColumn, b: AnswerColumn, tolerance: Tolerance = NO_TOLERANCE) {
    this.#a = a
    this.#b = b
    this.#tolerance = tolerance
    this.#twins = twinForms(a, b)
  }

  add(unitA: UnitRow, unitB: UnitRow): void {
    const [a, b] = [valueOf(unitA, this.#a), valueOf(unitB, this.#b)]
    this.#units += 1
    if (this.#hasClasses) this.#count(a, b)
    if (isNumeric(a) && isNumeric(b)) this.#differences.add(Number(b) - Number(a))
    if (this.#agree(a, b)) this.#agreed += 1
    else this.#disagree(a, b, unitA)
  }

  get result(): ComparedColumn {
    const { name } = this.#a
    const all = [...this.#disagreements.values()].toSorted(mostFirst)
    const [listed, further] = [all.slice(0, MOST_PAIRS), all.slice(MOST_PAIRS)]
    const errors = this.#kind === 'number' ? this.#differences.errors : null
    return {
      column: name,
      kind: this.#kind,
      units: this.#units,
      agreed: this.#agreed,
      agreement: wilson(this.#agreed, this.#units),
      kappa: this.#hasClasses ? cohensKappa(this.#pairs.values()) : null,
      difference: errors && {
        units: errors.units,
        mean: errors.mean,
        mean_absolute: errors.mean_absolute,
        largest: errors.largest,
      },
      disagreements: listed,
      further: { pairs: further.length, units: further.reduce((sum, { units }) => sum + units, 0) },
    }
  }

  /** Columns of different kinds are compared as texts. */
  get #kind(): AnswerColumn['kind'] {
    return this.#a.kind === this.#b.kind ? this.#a.kind : 'text'
  }

  get #hasClasses(): boolean {
    return this.#kind === 'enum' || this.#kind === 'boolean'
  }

  #agree(a: JudgedValue | null, b: JudgedValue | null): boolean {
    if (a === null || b === null) return a === b
    if (this.#kind === 'text') return isSame(String(a), String(b))
    if (isSame(a, b, this.#twins)) return true
    return isNumeric(a) && isNumeric(b) && this.#tolerance.amount > 0 && isWithin(Number(b), Number(a), this.#tolerance)
  }

  /** No value is a class of its own. */
  #count(a: JudgedValue | null, b: JudgedValue | null): void {
    const name = (value: JudgedValue | null): string => {
      if (value === null) return ''
      const form = plainForm(String(value))
      return `=${this.#twins.has(form) ? String(value) : form}`
    }
    const key = JSON.stringify([name(a), name(b)])
    const pair = this.#pairs.get(key) ?? { a: name(a), b: name(b), count: 0 }
    pair.count += 1
    this.#pairs.set(key, pair)
  }

  #disagree(a: JudgedValue | null, b: JudgedValue | null, { unitId, assetId }: UnitRow): void {
    const shown = { a: shownValue(a), b: shownValue(b) }
    const key = JSON.stringify(shown)
    let pair = this.#disagreements.get(key)
    if (!pair) this.#disagreements.set(key, (pair = { ...shown, units: 0, examples: [] }))
    pair.units += 1
    if (pair.examples.length < MOST_EXAMPLES) pair.examples.push({ unit_id: unitId, asset_id: assetId })
  }
}

function valueOf({ row }: UnitRow, column: AnswerColumn): JudgedValue | null {
  return readValue(column, valueIn(row, column.path)) ?? null
}

function mostFirst(one: Disagreement, other: Disagreement): number {
  const text = ({ a, b }: Disagreement): string => JSON.stringify([a, b])
  return other.units - one.units || (text(one) < text(other) ? -1 : 1)
}
