import { useState } from 'react'
import type { ReviewPlan } from '../../contract/review.ts'
import { groupColumns } from '../data/columns.ts'
import { useShared } from '../data/source-context.ts'

const MOST = 10_000

/** How many assets to review, and how to draw them. */
export function PlanForm({ start, draw }: { start: ReviewPlan | null; draw: (plan: ReviewPlan) => void }) {
  const { run } = useShared()
  const [size, setSize] = useState(String(start?.size ?? Math.min(100, Math.max(1, run.units.total))))
  const [strata, setStrata] = useState(start?.strata ?? '')
  const [seed, setSeed] = useState(start?.seed ?? '1')
  const [isUnmarkedOnly, setUnmarkedOnly] = useState(start?.unmarked_only ?? true)
  const number = Number(size)
  const isValid = Number.isInteger(number) && number >= 1 && number <= MOST && seed !== ''
  return (
    <form
      className="plan"
      onSubmit={(event) => {
        event.preventDefault()
        if (isValid) draw({ size: number, strata: strata === '' ? null : strata, seed, unmarked_only: isUnmarkedOnly })
      }}
    >
      <h3>Draw assets to review</h3>
      <label>
        Assets
        <input
          type="number"
          min={1}
          max={MOST}
          required
          value={size}
          onChange={({ target }) => setSize(target.value)}
        />
      </label>
      <label>
        Spread evenly over
        <select value={strata} onChange={({ target }) => setStrata(target.value)}>
          <option value="">nothing: at random</option>
          {groupColumns(run).map(({ name }) => (
            <option key={name} value={name}>
              the values of {name}
            </option>
          ))}
        </select>
      </label>
      <label>
        Seed
        <input required value={seed} onChange={({ target }) => setSeed(target.value)} />
      </label>
      <label className="check">
        <input type="checkbox" checked={isUnmarkedOnly} onChange={({ target }) => setUnmarkedOnly(target.checked)} />
        Leave out assets that have a mark
      </label>
      <p className="muted">
        The same seed draws the same assets.
        {strata !== '' && ' Rare values are then over-represented, so the accuracy is not that of the whole run.'}
      </p>
      <button type="submit" className="primary" disabled={!isValid}>
        Start
      </button>
    </form>
  )
}
