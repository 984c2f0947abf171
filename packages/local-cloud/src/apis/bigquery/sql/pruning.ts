import type { Place, Source, ValueRange } from './analysis.ts'
import type { Expression } from './syntax.ts'

const LEAST = -(2n ** 63n)
const MOST = 2n ** 63n - 1n
const ALL: readonly ValueRange[] = [{ from: LEAST, to: MOST }]

/**
 * Narrows the scans of integer-range partitioned tables by a WHERE clause: partitions that constant conditions on the
 * table's own partitioning column exclude are not read
 * (https://cloud.google.com/bigquery/docs/querying-partitioned-tables#query_an_integer-range_partitioned_table). Only
 * comparisons with a literal or a parameter that AND connects count; anything else leaves the scan as it is.
 */
export function narrowScans(where: Expression, sources: readonly Source[], place: Place): void {
  const scans = sources.flatMap(({ scan }) => (scan?.column === undefined ? [] : [scan]))
  if (scans.length === 0) return
  for (const condition of conjuncts(where)) {
    const limit = limitOf(condition, place)
    const scan = limit && scans.find(({ column }) => column === limit.column)
    if (scan) scan.ranges = intersection(scan.ranges ?? ALL, limit.ranges)
  }
}

/** The conditions that AND connects. */
export function conjuncts(node: Expression): Expression[] {
  const isAnd = node.kind === 'binary' && node.operator === 'AND'
  return isAnd ? [...conjuncts(node.left), ...conjuncts(node.right)] : [node]
}

interface Limit {
  column: string
  ranges: readonly ValueRange[]
}

function limitOf(node: Expression, place: Place): Limit | undefined {
  switch (node.kind) {
    case 'between': {
      const [from, to] = [valueOf(node.low, place), valueOf(node.high, place)]
      if (node.negated || from === undefined || to === undefined) return undefined
      return limit(node.operand, [{ from, to }], place)
    }
    case 'in': {
      if (node.negated || node.list.kind !== 'items') return undefined
      const values = node.list.items.map((item) => valueOf(item, place))
      if (!values.every((value) => value !== undefined)) return undefined
      return limit(
        node.operand,
        values.map((value) => ({ from: value, to: value })),
        place,
      )
    }
    case 'binary': {
      const right = valueOf(node.right, place)
      if (right !== undefined) return compared(node.left, node.operator, right, place)
      const left = valueOf(node.left, place)
      return left === undefined ? undefined : compared(node.right, MIRRORED[node.operator] ?? '', left, place)
    }
    default:
      return undefined
  }
}

const MIRRORED: Record<string, string> = { '=': '=', '<': '>', '<=': '>=', '>': '<', '>=': '<=' }

function compared(column: Expression, operator: string, value: bigint, place: Place): Limit | undefined {
  const range = {
    '=': { from: value, to: value },
    '<': { from: LEAST, to: value - 1n },
    '<=': { from: LEAST, to: value },
    '>': { from: value + 1n, to: MOST },
    '>=': { from: value, to: MOST },
  }[operator]
  return range && limit(column, [range], place)
}

/** The condition as a limit of a column; undefined if it compares something else, such as an expression over one. */
function limit(node: Expression, ranges: readonly ValueRange[], place: Place): Limit | undefined {
  if (node.kind !== 'name' && node.kind !== 'dot') return undefined
  return { column: place.analysis.rules.expression(node, place).sql, ranges }
}

function valueOf(node: Expression, place: Place): bigint | undefined {
  if (node.kind !== 'literal' && node.kind !== 'parameter') return undefined
  const { literal } = place.analysis.rules.expression(node, place)
  return literal?.type === 'INT64' ? literal.value : undefined
}

function intersection(some: readonly ValueRange[], others: readonly ValueRange[]): ValueRange[] {
  return some.flatMap((a) =>
    others.flatMap((b) => {
      const range = { from: a.from > b.from ? a.from : b.from, to: a.to < b.to ? a.to : b.to }
      return range.from <= range.to ? [range] : []
    }),
  )
}
