import { useCallback, useMemo, useState } from 'react'
import { chosenColumns } from '../data/columns.ts'
import { useShared } from '../data/source-context.ts'
import { useRowPages } from '../data/use-row-pages.ts'
import { NoRows } from '../parts/no-rows.tsx'
import { Problem } from '../parts/problem.tsx'
import { SortChoice } from '../parts/sort-choice.tsx'
import type { ChangeView } from '../state/use-view-state.ts'
import type { ViewState } from '../state/view-state.ts'
import { ColumnChooser } from '../table/column-chooser.tsx'
import { Cards } from './cards.tsx'

const SIZES = [
  { name: 'Small', width: 150 },
  { name: 'Medium', width: 220 },
  { name: 'Large', width: 340 },
] as const

/** Lines of a card besides the unit's ID. */
const MOST_LINES = 6

/** Images beside their answers. */
export function GalleryScreen({ state, change }: { state: ViewState; change: ChangeView }) {
  const { run } = useShared()
  const pages = useRowPages(state.filter, state.sort)
  const [size, setSize] = useState(1)
  const open = useCallback((unit: string, at: number) => change({ unit, at }), [change])
  const chosen = useMemo(() => chosenColumns(run, state.columns), [run, state.columns])
  const shown = useMemo(() => {
    const withoutStatus = chosen.filter(
      ({ name, role }) => name !== 'status' && (state.columns !== null || role === 'answer'),
    )
    return (withoutStatus.length === 0 ? chosen : withoutStatus).slice(0, MOST_LINES)
  }, [chosen, state.columns])
  return (
    <div className="gallery-screen">
      <h2 className="sr">Gallery</h2>
      <div className="screen-tools">
        <SortChoice sort={state.sort} change={change} />
        <ColumnChooser chosen={chosen} change={change} />
        <fieldset className="segments">
          <legend className="sr">Size of the images</legend>
          {SIZES.map(({ name }, index) => (
            <label key={name}>
              <input type="radio" name="size" checked={index === size} onChange={() => setSize(index)} />
              <span>{name}</span>
            </label>
          ))}
        </fieldset>
      </div>
      <p className="print-note">A print shows the assets that were on the screen.</p>
      {pages.error !== undefined && <Problem error={pages.error} retry={pages.retry} />}
      {pages.total === 0 ? (
        <NoRows filter={state.filter} change={change} />
      ) : (
        <Cards
          // Another order or filter starts at the top.
          key={JSON.stringify([state.filter, state.sort])}
          pages={pages}
          columns={shown}
          width={SIZES[size]?.width ?? 220}
          open={open}
        />
      )}
    </div>
  )
}
