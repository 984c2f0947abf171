import type { Filter } from '../../contract/filter.ts'
import { number } from '../format/numbers.ts'
import { NOTHING, OTHER, SEQUENCE_GRADIENT } from '../format/palettes.ts'
import { minute } from '../format/times.ts'
import { NO_VALUE } from '../format/values.ts'
import { isOf, toggleValue } from '../state/filters.ts'
import type { ChangeView } from '../state/use-view-state.ts'
import type { Coloring } from './coloring.ts'

/** What the colors mean. A click on a value filters by it. */
export function Legend({ coloring, filter, change }: { coloring: Coloring; filter: Filter; change: ChangeView }) {
  if (coloring.kind === 'one') return null
  const { column } = coloring
  if (coloring.kind === 'scale') {
    const text = column.kind === 'time' ? minute : number
    return (
      <div className="legend">
        <p className="legend-title">{column.name}</p>
        <div className="legend-scale" style={{ background: SEQUENCE_GRADIENT }} />
        <p className="axis">
          <span>{text(coloring.min)}</span>
          <span>{text(coloring.max)}</span>
        </p>
        <p className="legend-entry">
          <span className="swatch" style={{ background: NOTHING }} /> {NO_VALUE}
        </p>
      </div>
    )
  }
  const chosen = isOf(filter, column.name)?.is ?? []
  return (
    <div className="legend" role="group" aria-label={`Colors of ${column.name}`}>
      <p className="legend-title">{column.name}</p>
      {coloring.entries.map(({ value, color }) => (
        <button
          key={String(value) + typeof value}
          type="button"
          className="legend-entry"
          aria-pressed={chosen.includes(value)}
          onClick={() => change((now) => ({ filter: toggleValue(now.filter, column.name, value) }))}
        >
          <span className="swatch" style={{ background: color }} />
          <bdi className={value === null ? 'none' : ''}>
            {value === null ? NO_VALUE : value === '' ? '(empty)' : String(value)}
          </bdi>
        </button>
      ))}
      {coloring.hasOther && (
        <p className="legend-entry">
          <span className="swatch" style={{ background: OTHER }} /> other values
        </p>
      )}
    </div>
  )
}
