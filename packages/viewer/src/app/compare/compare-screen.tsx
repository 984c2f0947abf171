import { useState } from 'react'
import type { Comparison } from '../../contract/comparison.ts'
import { useShared } from '../data/source-context.ts'
import type { Query } from '../data/use-query.ts'
import { count, counted } from '../format/numbers.ts'
import { Empty, Loading } from '../parts/empty.tsx'
import { Problem } from '../parts/problem.tsx'
import type { ChangeView } from '../state/use-view-state.ts'
import { Agreement } from './agreement.tsx'
import { Disagreements } from './disagreements.tsx'
import { RunsSideBySide } from './runs-side-by-side.tsx'
import { Truth } from './truth.tsx'

/** Where two runs agree, and where they do not. */
export function CompareScreen({ comparison, change }: { comparison: Query<Comparison | null>; change: ChangeView }) {
  const { data, error, retry } = comparison
  const { run } = useShared()
  const [chosen, setChosen] = useState<string>()
  if (error !== undefined) return <Problem error={error} retry={retry} />
  if (data === undefined) return <Loading what="the comparison" />
  if (data === null) {
    return (
      <Empty title="This page shows one run">
        <p>
          To see how another one differs from it, run <code>imagery view {run.run_id} --compare RUN_ID</code>.
        </p>
      </Empty>
    )
  }
  const { a, b, units, columns, only_columns, truth, warnings } = data
  // The column with the least agreement is the one to look at.
  const least = columns.toSorted((one, other) => share(one.agreement) - share(other.agreement))[0]
  const column = columns.find((each) => each.column === chosen) ?? least
  const parts: [number, string][] = [
    [units.answered_only_by_a, 'only A answered'],
    [units.answered_only_by_b, 'only B answered'],
    [units.only_in_a, 'only in A'],
    [units.only_in_b, 'only in B'],
  ]
  return (
    <div className="compare">
      <h2 className="sr">Compare</h2>
      {warnings.map((warning) => (
        <p key={warning} className="warning" role="note">
          {warning}
        </p>
      ))}
      <RunsSideBySide a={a} b={b} />
      <section aria-label="Agreement">
        <h3>Agreement</h3>
        <p className="muted">
          On {counted(units.answered_by_both, 'asset')} that both runs answered
          {parts.filter(([number]) => number > 0).map(([number, what]) => `; ${count(number)} ${what}`)}.
        </p>
        <Agreement columns={columns} chosen={column?.column} choose={setChosen} />
        <OnlyIn run="A" columns={only_columns.a} />
        <OnlyIn run="B" columns={only_columns.b} />
      </section>
      {truth !== null && <Truth truth={truth} />}
      {column !== undefined && <Disagreements column={column} change={change} />}
    </div>
  )
}

function OnlyIn({ run, columns }: { run: string; columns: readonly string[] }) {
  return columns.length === 0 ? null : (
    <p className="muted">
      Only in {run}: <bdi>{columns.join(', ')}</bdi>
    </p>
  )
}

function share(agreement: { estimate: number } | null): number {
  return agreement?.estimate ?? 2
}
