import type { Column } from '../src/contracts/columns.ts'

/** Columns of every source that a run keeps: also with the names of keywords, structs and lists. */
export const KEPT: readonly Column[] = [
  { name: 'asset_type', type: 'STRING' },
  { name: 'order', type: 'INT64' },
  {
    name: 'by_hand',
    type: 'STRUCT',
    columns: [
      { name: 'select', type: 'STRING' },
      { name: 'lengths', type: 'INT64', mode: 'REPEATED' },
    ],
  },
  { name: 'tags', type: 'STRING', mode: 'REPEATED' },
]

/** Their values in a row. */
export function keptValues(index: number): Record<string, unknown> {
  return {
    asset_type: index % 2 === 0 ? null : `type ${index}`,
    order: index,
    by_hand: index % 3 === 0 ? null : { select: `row ${index}`, lengths: [index, 1] },
    tags: index % 2 === 0 ? [] : ['a', 'b'],
  }
}
