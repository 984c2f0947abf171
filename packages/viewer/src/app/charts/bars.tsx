import { useState } from 'react'
import type { BarsChart } from '../../contract/source.ts'
import { count, counted, percent } from '../format/numbers.ts'
import { NO_VALUE } from '../format/values.ts'
import { moveAmongButtons } from '../parts/roving.ts'
import type { Plain } from '../state/filters.ts'
import { barRows, shortList, type BarRow } from './bar-rows.ts'

interface Props {
  all: BarsChart
  filtered: BarsChart
  /** Whether the values have an order of their own. */
  hasOrder: boolean
  totalRows: number
  chosen: readonly Plain[]
  onToggle: (value: Plain) => void
}

function label(value: BarRow['value']): string {
  if (value === null) return NO_VALUE
  return value === '' ? '(empty)' : String(value)
}

/** Horizontal bars: the filtered rows of each value before the rows of the whole run. A click filters. */
export function Bars({ all, filtered, hasOrder, totalRows, chosen, onToggle }: Props) {
  const [isWhole, setWhole] = useState(false)
  const rows = barRows(all, filtered, hasOrder)
  const short = new Set(shortList(rows, chosen))
  const hidden = rows.length - short.size
  const largest = Math.max(1, ...rows.map(({ rows, allRows }) => Math.max(rows ?? 0, allRows ?? 0)))
  const first = rows.findIndex(({ value }) => chosen.includes(value))
  return (
    <>
      <div className="bars" role="group" aria-label={`Values of ${all.column}`} onKeyDown={moveAmongButtons}>
        {rows.map((row, index) => {
          const { value, rows: kept, allRows } = row
          const whole = allRows ?? kept
          const noun = whole === 1 ? 'row' : 'rows'
          const of = whole === kept ? '' : ` of ${count(whole ?? 0)}`
          const about =
            kept === null ? 'rows not counted' : `${count(kept)}${of} ${noun}, ${percent(kept, totalRows)} of all`
          return (
            <button
              key={String(value) + typeof value}
              type="button"
              className={isWhole || short.has(row) ? 'bar' : 'bar beyond'}
              aria-pressed={chosen.includes(value)}
              title={`${label(value)}: ${about}`}
              tabIndex={index === Math.max(0, first) ? 0 : -1}
              onClick={() => onToggle(value)}
            >
              <span className={value === null || value === '' ? 'bar-label none' : 'bar-label'}>
                <bdi>{label(value)}</bdi>
              </span>
              <span className="bar-count">
                <span className="sr">: </span>
                {kept === null ? '–' : count(kept)}
                <span className="sr">
                  {kept === null ? ' rows not counted' : `${of} ${noun}, ${percent(kept, totalRows)} of all`}
                </span>
              </span>
              <span className="bar-track">
                <span className="bar-all" style={{ width: `${((allRows ?? 0) / largest) * 100}%` }} />
                <span className="bar-kept" style={{ width: `${((kept ?? 0) / largest) * 100}%` }} />
              </span>
            </button>
          )
        })}
      </div>
      {hidden > 0 && (
        <button type="button" className="link more-bars" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Show fewer' : `Show ${counted(hidden, 'more value')}`}
          <span className="sr"> of {all.column}</span>
        </button>
      )}
      {filtered.other.values > 0 && (
        <p className="chart-note">
          and {counted(filtered.other.values, 'more value')} in {counted(filtered.other.rows, 'row')}
        </p>
      )}
      {rows.length === 0 && <p className="chart-note">No values.</p>}
    </>
  )
}
