import type { UnitRow } from './run-rows.ts'

/** A unit of two runs. One of the two can be missing. */
export type Pair = { a: UnitRow; b: UnitRow } | { a: UnitRow; b: undefined } | { a: undefined; b: UnitRow }

/** Joins the rows of two runs, each in the order of its units' IDs, without holding more than a page of either. */
export async function* pairs(ofA: AsyncIterable<UnitRow>, ofB: AsyncIterable<UnitRow>): AsyncGenerator<Pair> {
  const [readA, readB] = [ofA[Symbol.asyncIterator](), ofB[Symbol.asyncIterator]()]
  const next = async (rows: AsyncIterator<UnitRow>): Promise<UnitRow | undefined> => {
    const { done, value } = await rows.next()
    return done ? undefined : value
  }
  try {
    let [a, b] = await Promise.all([next(readA), next(readB)])
    while (a !== undefined || b !== undefined) {
      const order = a === undefined ? 1 : b === undefined ? -1 : compareIds(a.unitId, b.unitId)
      if (order === 0) {
        yield { a: a!, b: b! }
        ;[a, b] = await Promise.all([next(readA), next(readB)])
      } else if (order < 0) {
        yield { a: a!, b: undefined }
        a = await next(readA)
      } else {
        yield { a: undefined, b: b! }
        b = await next(readB)
      }
    }
  } finally {
    await Promise.all([readA.return?.(), readB.return?.()])
  }
}

/**
 * BigQuery's order of texts: by their Unicode characters
 * (https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#string_type). JavaScript compares UTF-16 units,
 * in which characters beyond U+FFFF come too early.
 */
export function compareIds(one: string, other: string): number {
  if (one === other) return 0
  return Buffer.compare(Buffer.from(one, 'utf8'), Buffer.from(other, 'utf8'))
}
