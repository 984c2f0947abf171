import type { ComparedColumn, Disagreement } from '../../contract/comparison.ts'
import type { Value, ViewedColumn } from '../../contract/columns.ts'
import { useColumn, useShared } from '../data/source-context.ts'
import { counted } from '../format/numbers.ts'
import { shortText } from '../../contract/short-text.ts'
import { LongValue } from '../parts/long-value.tsx'
import { Thumbnail } from '../parts/thumbnail.tsx'
import type { ChangeView } from '../state/use-view-state.ts'

/** The values of A and B side by side where they differ, with assets to look at. */
export function Disagreements({ column, change }: { column: ComparedColumn; change: ChangeView }) {
  const viewed: ViewedColumn = useColumn(column.column) ?? {
    name: column.column,
    kind: column.kind,
    role: 'answer',
    is_integer: false,
    description: null,
    allowed: null,
  }
  const largest = Math.max(1, ...column.disagreements.map(({ units }) => units))
  return (
    <section aria-label={`Disagreements about ${column.column}`}>
      <h3>
        Where <bdi>{column.column}</bdi> differs
      </h3>
      {column.disagreements.length === 0 && <p className="muted">Nowhere: both runs say the same about every asset.</p>}
      <ul className="disagreements">
        {column.disagreements.map((each) => (
          <Pair key={JSON.stringify([each.a, each.b])} pair={each} column={viewed} largest={largest} change={change} />
        ))}
      </ul>
      {column.further.units > 0 && (
        <p className="muted">
          And {counted(column.further.pairs, 'more pair')} of values in {counted(column.further.units, 'asset')}.
        </p>
      )}
    </section>
  )
}

interface PairProps {
  pair: Disagreement
  column: ViewedColumn
  largest: number
  change: ChangeView
}

function Pair({ pair, column, largest, change }: PairProps) {
  const { source, run } = useShared()
  const examples = pair.examples.map(({ unit_id }) => unit_id)
  const open = (unit: string): void => change({ unit, among: [{ column: 'unit_id', is: examples }], at: null })
  const side = (name: string, value: Value) => (
    <div className="pair-side">
      <span className="muted">{name}</span> <LongValue value={value} column={column} />
    </div>
  )
  return (
    <li className="pair">
      {side('A', pair.a)}
      {side('B', pair.b)}
      <div className="pair-units">
        {counted(pair.units, 'asset')}
        <span className="bar-track" aria-hidden="true">
          <span className="bar-kept" style={{ width: `${(pair.units / largest) * 100}%` }} />
        </span>
      </div>
      <ul className="pair-examples">
        {examples.map((unit) => (
          <li key={unit}>
            <button type="button" title={`Open ${unit}`} onClick={() => open(unit)}>
              {run.has_images && <Thumbnail address={source.imageUrl(unit, 0, 'thumbnail')} name="" />}
              <bdi>{shortText(unit, 14)}</bdi>
            </button>
          </li>
        ))}
      </ul>
    </li>
  )
}
