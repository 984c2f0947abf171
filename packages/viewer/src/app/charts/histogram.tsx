import { useState, type KeyboardEvent } from 'react'
import type { ViewedColumn } from '../../contract/columns.ts'
import type { HistogramChart } from '../../contract/source.ts'
import { count, counted, number } from '../format/numbers.ts'
import { minute, timeBound } from '../format/times.ts'
import { moveAmongButtons } from '../parts/roving.ts'

export interface Range {
  from: number
  to: number
  closed: boolean
}

interface Props {
  column: ViewedColumn
  all: HistogramChart
  filtered: HistogramChart
  chosen: { from: number | null; to: number | null } | undefined
  onRange: (range: Range | null) => void
}

/** Bars over ranges. A click filters by one range; a drag, or Shift with a click or an arrow key, by several. */
export function Histogram({ column, all, filtered, chosen, onRange }: Props) {
  const [drag, setDrag] = useState<{ from: number; to: number }>()
  const [anchor, setAnchor] = useState(0)
  const { bins } = all
  const first = bins[0]
  const last = bins.at(-1)
  if (first === undefined || last === undefined) return <p className="chart-note">No values.</p>

  const text = (value: number): string =>
    column.kind === 'time' ? timeBound(value, last.to - first.from) : number(value)
  const fine = (value: number): string => (column.kind === 'time' ? minute(value) : number(value))
  const largest = Math.max(1, ...bins.map(({ rows }) => rows))
  const isChosen = (index: number): boolean => {
    if (drag !== undefined) return index >= Math.min(drag.from, drag.to) && index <= Math.max(drag.from, drag.to)
    const bin = bins[index]
    if (chosen === undefined || bin === undefined) return false
    const middle = (bin.from + bin.to) / 2
    return middle >= (chosen.from ?? -Infinity) && middle <= (chosen.to ?? Infinity)
  }
  const choose = (one: number, other: number): void => {
    const [low, high] = [bins[Math.min(one, other)], bins[Math.max(one, other)]]
    if (low === undefined || high === undefined) return
    const isSame = chosen?.from === low.from && chosen.to === high.to
    onRange(isSame ? null : { from: low.from, to: high.to, closed: high === last })
  }
  const finish = (): void => {
    if (drag === undefined) return
    setDrag(undefined)
    setAnchor(drag.from)
    choose(drag.from, drag.to)
  }
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    moveAmongButtons(event)
    const place = [...event.currentTarget.querySelectorAll('button')].indexOf(
      document.activeElement as HTMLButtonElement,
    )
    if (place < 0) return
    if (event.shiftKey && event.key.startsWith('Arrow')) choose(anchor, place)
    else if (event.key.startsWith('Arrow')) setAnchor(place)
  }

  return (
    <div className="histogram">
      <div
        className="bins"
        role="group"
        aria-label={`Ranges of ${column.name}`}
        onKeyDown={onKeyDown}
        onPointerUp={finish}
        onPointerLeave={finish}
      >
        {bins.map((bin, index) => {
          const kept = filtered.bins[index]?.rows ?? 0
          const of = kept === bin.rows ? '' : `${count(kept)} of `
          const about = `${fine(bin.from)} to ${fine(bin.to)}: ${of}${counted(bin.rows, 'row')}`
          return (
            <button
              key={bin.from}
              type="button"
              className={chosen === undefined && drag === undefined ? 'bin' : `bin ${isChosen(index) ? 'in' : 'out'}`}
              aria-pressed={isChosen(index)}
              aria-label={about}
              title={about}
              tabIndex={index === 0 ? 0 : -1}
              onPointerDown={(event) => {
                event.currentTarget.releasePointerCapture(event.pointerId)
                if (event.button === 0 && !event.shiftKey) setDrag({ from: index, to: index })
              }}
              onPointerEnter={() => setDrag((now) => now && { ...now, to: index })}
              onClick={(event) => {
                // A pointer has chosen already when it went up; the keyboard and assistive technology only click.
                if (event.shiftKey) choose(anchor, index)
                else if (event.detail === 0) choose(index, index)
              }}
            >
              <span className="bin-all" style={{ height: height(bin.rows, largest) }} />
              <span className="bin-kept" style={{ height: height(kept, largest) }} />
            </button>
          )
        })}
      </div>
      <div className="axis" aria-hidden="true">
        <span>{text(first.from)}</span>
        <span>{text(last.to)}</span>
      </div>
      <Figures column={column} chart={filtered} text={fine} />
    </div>
  )
}

/** A bin with few rows beside a large one stays visible. */
function height(rows: number, largest: number): string {
  return rows === 0 ? '0' : `max(2px, ${(rows / largest) * 100}%)`
}

function Figures({
  column,
  chart,
  text,
}: {
  column: ViewedColumn
  chart: HistogramChart
  text: (value: number) => string
}) {
  if (chart.min === null || chart.max === null) return <p className="chart-note">No values in these rows.</p>
  const figures = [
    ['min', chart.min],
    ['median', chart.median],
    ...(column.kind === 'time' ? [] : [['mean', chart.mean]]),
    ['max', chart.max],
  ] as [string, number | null][]
  return (
    <dl className="figures">
      {figures.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value === null ? '–' : text(value)}</dd>
        </div>
      ))}
      {chart.missing > 0 && (
        <div>
          <dt>no value</dt>
          <dd>{count(chart.missing)}</dd>
        </div>
      )}
    </dl>
  )
}
