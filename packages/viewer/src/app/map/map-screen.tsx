import { lazy, Suspense, useCallback, useMemo, useState } from 'react'
import { useColumn, useShared } from '../data/source-context.ts'
import { useQuery } from '../data/use-query.ts'
import { count, counted } from '../format/numbers.ts'
import { Empty, Loading } from '../parts/empty.tsx'
import { Icon } from '../parts/icon.tsx'
import { Problem } from '../parts/problem.tsx'
import type { Summaries } from '../shell/use-summaries.ts'
import { withCondition } from '../state/filters.ts'
import type { ChangeView } from '../state/use-view-state.ts'
import type { ViewState } from '../state/view-state.ts'
import type { Box } from './box.ts'
import { coloringOf } from './coloring.ts'
import { Legend } from './legend.tsx'
import { PlainMap } from './plain-map.tsx'

/** The map's library is large, so it comes only with its screen. */
const WebMap = lazy(() => import('./web-map.tsx'))

const hasWebgl = (): boolean => {
  try {
    return document.createElement('canvas').getContext('webgl2') !== null
  } catch {
    return false
  }
}

interface Props {
  state: ViewState
  change: ChangeView
  summaries: Summaries
}

/** The assets where they are, colored by a column. */
export function MapScreen({ state, change, summaries }: Props) {
  const { source, run, version } = useShared()
  const [isBoxMode, setBoxMode] = useState(false)
  const [canDraw] = useState(hasWebgl)
  const usualColor = run.columns.find(({ kind, role }) => kind === 'enum' && role === 'answer')?.name ?? null
  // An empty color is one that was chosen: a single color.
  const color = state.color === null ? usualColor : state.color === '' ? null : state.color
  const column = useColumn(color)
  const colored = column === undefined ? null : column.name
  const points = useQuery(JSON.stringify([state.filter, colored]), version, () => source.points(state.filter, colored))
  const chart = summaries.all?.charts.find((each) => each.column === colored)
  const coloring = useMemo(() => coloringOf(column, chart), [column, chart])
  const onBox = useCallback(
    (box: Box) => {
      setBoxMode(false)
      change(({ filter }) => ({ filter: withCondition(filter, { box }) }))
    },
    [change],
  )
  const onUnit = useCallback((unit: string) => change(({ filter }) => ({ unit, among: filter, at: null })), [change])

  if (run.bounds === null) return <Empty title="No asset of this run has a location" />
  const shown = points.data?.unit_ids.length
  const rows = summaries.filtered?.rows
  const without = shown === undefined || rows === undefined || points.data?.is_sample === true ? 0 : rows - shown
  const Drawn = canDraw ? WebMap : PlainMap
  return (
    <div className="map-screen">
      <h2 className="sr">Map</h2>
      <div className="screen-tools">
        <label>
          <span className="muted">Color by </span>
          <select value={colored ?? ''} onChange={({ target }) => change({ color: target.value }, 'replace')}>
            <option value="">one color</option>
            {run.columns
              .filter(({ kind }) => kind !== 'other')
              .map(({ name }) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
          </select>
        </label>
        {canDraw && (
          <button
            type="button"
            aria-pressed={isBoxMode}
            title="Draw a box around assets; or hold Shift and drag"
            onClick={() => setBoxMode((isOn) => !isOn)}
          >
            <Icon name="box" /> Select an area
          </button>
        )}
        <p className={points.isStale ? 'muted stale' : 'muted'} role="status">
          {shown === undefined
            ? '…'
            : points.data?.is_sample === true
              ? `${counted(shown, 'asset')}, an even part of all`
              : counted(shown, 'asset')}
          {without > 0 && `, ${count(without)} without a location`}
        </p>
      </div>
      {points.error !== undefined && <Problem error={points.error} retry={points.retry} />}
      {points.data === undefined && points.error === undefined && <Loading what="the map" />}
      {points.data !== undefined && (
        <div className="map-frame">
          <Suspense fallback={<Loading what="the map" />}>
            <Drawn
              points={points.data}
              coloring={coloring}
              bounds={run.bounds}
              isBoxMode={isBoxMode}
              onBox={onBox}
              onUnit={onUnit}
            />
          </Suspense>
          <Legend coloring={coloring} filter={state.filter} change={change} />
        </div>
      )}
    </div>
  )
}
