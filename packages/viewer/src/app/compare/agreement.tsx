import type { ComparedColumn } from '../../contract/comparison.ts'
import { count, number, percentOf } from '../format/numbers.ts'
import { Interval } from '../parts/interval.tsx'

interface Props {
  columns: readonly ComparedColumn[]
  chosen: string | undefined
  choose: (column: string) => void
}

/** The agreement of each column. A click shows where the two runs disagree. */
export function Agreement({ columns, chosen, choose }: Props) {
  return (
    <div className="scroll-table">
      <table className="figures-table">
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Agreement</th>
            <th scope="col" className="interval-head">
              95% interval
            </th>
            <th scope="col">Same</th>
            <th scope="col" title="Cohen’s kappa: agreement beyond chance, from -1 to 1">
              Kappa
            </th>
            <th scope="col" title="Of the numbers of B from those of A">
              Mean difference
            </th>
            <th scope="col">Largest</th>
          </tr>
        </thead>
        <tbody>
          {columns.map(({ column, agreement, agreed, units, kappa, difference }) => (
            <tr key={column} className={column === chosen ? 'chosen' : ''}>
              <th scope="row">
                <button type="button" className="link" aria-pressed={column === chosen} onClick={() => choose(column)}>
                  <bdi>{column}</bdi>
                </button>
              </th>
              <td>{agreement === null ? '–' : percentOf(agreement.estimate)}</td>
              <td>{agreement !== null && <Interval proportion={agreement} />}</td>
              <td>
                {count(agreed)} of {count(units)}
              </td>
              <td>{kappa === null ? '–' : kappa.toFixed(2)}</td>
              <td>
                {difference === null
                  ? '–'
                  : `${number(difference.mean)} (absolute ${number(difference.mean_absolute)})`}
              </td>
              <td>{difference === null ? '–' : number(difference.largest)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}
