import type { ComparedTruth } from '../../contract/comparison.ts'
import { count, percentOf } from '../format/numbers.ts'
import { Interval } from '../parts/interval.tsx'

/** Which of the two runs is right more often, and whether that can be chance. */
export function Truth({ truth }: { truth: ComparedTruth }) {
  return (
    <section aria-label="Against the truth">
      <h3>
        Against the truth in <bdi>{truth.source}</bdi>
      </h3>
      <div className="scroll-table">
        <table className="figures-table">
          <thead>
            <tr>
              <th scope="col">Column</th>
              <th scope="col">A right</th>
              <th scope="col" className="interval-head">
                <span className="sr">Interval of A</span>
              </th>
              <th scope="col">B right</th>
              <th scope="col" className="interval-head">
                <span className="sr">Interval of B</span>
              </th>
              <th scope="col">Only A right</th>
              <th scope="col">Only B right</th>
              <th scope="col">Both wrong</th>
              <th scope="col" title="McNemar’s test: how likely such a difference is by chance">
                p
              </th>
            </tr>
          </thead>
          <tbody>
            {truth.columns.map(({ column, a, b, only_a_right, only_b_right, both_wrong, mcnemar }) => (
              <tr key={column}>
                <th scope="row">
                  <bdi>{column}</bdi>
                </th>
                <td>{a === null ? '–' : percentOf(a.estimate)}</td>
                <td>{a !== null && <Interval proportion={a} />}</td>
                <td>{b === null ? '–' : percentOf(b.estimate)}</td>
                <td>{b !== null && <Interval proportion={b} />}</td>
                <td>{count(only_a_right)}</td>
                <td>{count(only_b_right)}</td>
                <td>{count(both_wrong)}</td>
                <td>{chance(mcnemar.p_value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="muted">A small p (below 0.05) says that the difference is hardly chance (McNemar’s test).</p>
    </section>
  )
}

function chance(value: number): string {
  return value < 0.001 ? '<0.001' : value.toFixed(3)
}
