import type { ComparedRun } from '../../contract/comparison.ts'
import { count, duration, usd } from '../format/numbers.ts'

/** What each of the two runs was, cost and took. */
export function RunsSideBySide({ a, b }: { a: ComparedRun; b: ComparedRun }) {
  const lines: [string, (run: ComparedRun) => string][] = [
    ['Model', (run) => run.model],
    ['Profile', (run) => run.profile],
    ['Answered', (run) => `${count(run.units.ok)} of ${count(run.units.total)}`],
    ['Failed', (run) => failedText(run)],
    ['Cost', (run) => costText(run)],
    ['Cost per 1,000', (run) => (run.cost_usd_per_unit === null ? '–' : usd(run.cost_usd_per_unit * 1000))],
    ['Median duration', (run) => (run.latency_ms === null ? '–' : duration(run.latency_ms.median))],
    ['95% took at most', (run) => (run.latency_ms === null ? '–' : duration(run.latency_ms.p95))],
  ]
  return (
    <section aria-label="The two runs">
      <table className="side-by-side">
        <thead>
          <tr>
            <td />
            <th scope="col">
              A <bdi>{a.run_id}</bdi>
            </th>
            <th scope="col">
              B <bdi>{b.run_id}</bdi>
            </th>
          </tr>
        </thead>
        <tbody>
          {lines.map(([name, text]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <bdi>{text(a)}</bdi>
              </td>
              <td>
                <bdi>{text(b)}</bdi>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

/** What is known of the cost, and how many answers it leaves out. */
function costText({ cost_usd: cost, answers_without_usage: unknown }: ComparedRun): string {
  const known = cost === null ? '–' : usd(cost)
  return unknown === 0 ? known : `${known}, ${count(unknown)} unknown`
}

function failedText({ units, failures }: ComparedRun): string {
  const causes = failures.map(({ cause, units: failed }) => `${count(failed)} ${cause}`)
  return causes.length === 0 ? count(units.failed) : `${count(units.failed)} (${causes.join(', ')})`
}
