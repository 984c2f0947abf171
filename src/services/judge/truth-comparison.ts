import type { ComparedTruthColumn } from '@imagery/viewer/contract/comparison'
import { wilson } from '@imagery/viewer/contract/wilson'
import type { NamedRows } from '../../contracts/evaluation.ts'
import { ColumnJudge } from './column-judge.ts'
import type { AnswerColumn } from './columns.ts'
import { mcnemar } from './mcnemar.ts'
import type { Tolerance } from './number-errors.ts'
import { isFailed, type UnitRow } from './run-rows.ts'
import { Named, type TrueCell } from './truth.ts'

/** Compares how often two answers are right in one column. */
export class TruthComparison {
  readonly #column: string
  readonly #a: ColumnJudge
  readonly #b: ColumnJudge
  #bothRight = 0
  #onlyA = 0
  #onlyB = 0
  #bothWrong = 0
  readonly #unreadable = new Named()
  readonly #hasClasses: boolean
  readonly #truths = new Map<string, number>()

  constructor(a: AnswerColumn, b: AnswerColumn, tolerance: Tolerance | undefined) {
    this.#column = a.name
    this.#hasClasses = a.kind === 'enum' || b.kind === 'enum'
    this.#a = new ColumnJudge({ column: a, truthColumn: null }, tolerance)
    this.#b = new ColumnJudge({ column: b, truthColumn: null }, tolerance)
  }

  /** @param ofReviewed the answer that a reviewer's `right` or `wrong` is about */
  add(a: UnitRow, b: UnitRow, cell: TrueCell, ofReviewed: 'a' | 'b'): void {
    if (cell.is === 'unreadable') this.#unreadable.add(`${a.unitId}: ${cell.text}`)
    const known = trueValue(cell, ofReviewed === 'a' ? this.#a : this.#b, ofReviewed === 'a' ? a : b)
    if (!known) return
    const [isRightA, isRightB] = [this.#a.isRight(a, known), this.#b.isRight(b, known)]
    if (isRightA === undefined || isRightB === undefined) return
    if (this.#hasClasses && known.is === 'value') {
      const value = String(known.value)
      this.#truths.set(value, (this.#truths.get(value) ?? 0) + 1)
    }
    if (isRightA && isRightB) this.#bothRight += 1
    else if (isRightA) this.#onlyA += 1
    else if (isRightB) this.#onlyB += 1
    else this.#bothWrong += 1
  }

  /** Units that the truth has a value of that the column cannot have. */
  get unreadable(): NamedRows {
    return this.#unreadable.rows
  }

  /** For a column with classes, how many units have each true value. */
  get truths(): ReadonlyMap<string, number> {
    return this.#truths
  }

  get result(): ComparedTruthColumn {
    const units = this.#bothRight + this.#onlyA + this.#onlyB + this.#bothWrong
    return {
      column: this.#column,
      units,
      both_right: this.#bothRight,
      only_a_right: this.#onlyA,
      only_b_right: this.#onlyB,
      both_wrong: this.#bothWrong,
      a: wilson(this.#bothRight + this.#onlyA, units),
      b: wilson(this.#bothRight + this.#onlyB, units),
      mcnemar: mcnemar(this.#onlyA, this.#onlyB),
    }
  }
}

/** What a reviewer found right is the true value for the other run too. What is only wrong says nothing about the other. */
function trueValue(cell: TrueCell, judge: ColumnJudge, reviewed: UnitRow): TrueCell | undefined {
  if (cell.is === 'value') return cell
  if (cell.is !== 'right' || isFailed(reviewed)) return undefined
  const value = judge.answerOf(reviewed)
  return value === null ? undefined : { is: 'value', value }
}
