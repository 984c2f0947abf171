import { useState, type ReactNode } from 'react'
import type { ReviewPlan } from '../../contract/review.ts'
import { useShared } from '../data/source-context.ts'
import { useQuery } from '../data/use-query.ts'
import { counted } from '../format/numbers.ts'
import { Empty, Loading } from '../parts/empty.tsx'
import { Problem } from '../parts/problem.tsx'
import type { ChangeView } from '../state/use-view-state.ts'
import type { ViewState } from '../state/view-state.ts'
import { AccuracyPanel } from './accuracy-panel.tsx'
import { PlanForm } from './plan-form.tsx'
import { ReviewUnit } from './review-unit.tsx'
import { useMarks } from './use-marks.ts'

/** Says of a drawn part of the answers whether they are right. */
export function ReviewScreen({ state, change }: { state: ViewState; change: ChangeView }) {
  const { source, run } = useShared()
  const marks = useMarks()
  const { plan } = state
  const [place, setPlace] = useState(0)
  const planKey = JSON.stringify(plan)
  // Not again when rows change: a draw that leaves out marked units would change under the reviewer.
  const queue = useQuery(planKey, 0, () => (plan === null ? Promise.resolve([]) : source.drawReview(plan)))
  const draw = (next: ReviewPlan | null): void => {
    setPlace(0)
    change({ plan: next })
    if (next !== null && JSON.stringify(next) === planKey) queue.retry()
  }

  const units = plan === null || queue.isStale ? undefined : queue.data
  const unitId = units?.[place]
  const undo = (): void => {
    const changed = marks.undo()
    const at = changed === undefined ? -1 : (units?.indexOf(changed) ?? -1)
    if (at >= 0) setPlace(at)
  }
  const body = (): ReactNode => {
    if (!run.can_review) return <Empty title="A report is read-only: review with imagery view" />
    if (plan === null) return <PlanForm start={null} draw={draw} />
    if (queue.error !== undefined) return <Problem error={queue.error} retry={queue.retry} />
    if (units === undefined || marks.of === undefined) return <Loading what="the assets to review" />
    if (units.length === 0) {
      return (
        <Empty title="Nothing left to review">
          <p>Every asset of this draw has a mark.</p>
          <button type="button" onClick={() => draw(null)}>
            Draw others
          </button>
        </Empty>
      )
    }
    if (unitId === undefined) {
      return (
        <Empty title="That was the last one">
          <p>{counted(units.length, 'asset is', 'assets are')} reviewed.</p>
          <button type="button" onClick={() => setPlace(units.length - 1)}>
            Back to the last one
          </button>
          <button type="button" className="primary" onClick={() => draw(null)}>
            Draw more
          </button>
        </Empty>
      )
    }
    return (
      <ReviewUnit
        key={unitId}
        unitId={unitId}
        nextId={units[place + 1]}
        place={place}
        total={units.length}
        mark={marks.of.get(unitId) ?? null}
        save={(mark) => marks.save(unitId, mark)}
        go={(step) => setPlace((now) => Math.max(0, Math.min(units.length, now + step)))}
        undo={undo}
        canUndo={marks.canUndo}
        end={() => draw(null)}
      />
    )
  }
  return (
    <div className="review-screen">
      <h2 className="sr">Review</h2>
      <div className="review-main">
        {marks.error !== undefined && <Problem error={marks.error} retry={marks.retry} />}
        {body()}
      </div>
      {marks.progress !== undefined && <AccuracyPanel progress={marks.progress} change={change} />}
    </div>
  )
}
