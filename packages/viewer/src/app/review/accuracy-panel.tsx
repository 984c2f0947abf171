import type { Accuracy, ReviewProgress } from '../../contract/review.ts'
import { useShared } from '../data/source-context.ts'
import { count, counted, percentOf } from '../format/numbers.ts'
import { Icon } from '../parts/icon.tsx'
import { Interval } from '../parts/interval.tsx'
import type { ChangeView } from '../state/use-view-state.ts'

/** How often the marked answers are right, with the interval that the whole run's share lies in. */
export function AccuracyPanel({ progress, change }: { progress: ReviewProgress; change: ChangeView }) {
  const { source } = useShared()
  const csv = source.marksExportUrl('csv')
  const jsonl = source.marksExportUrl('jsonl')
  const { right, wrong, unsure } = progress.answers
  return (
    <section className="accuracy" aria-label="Accuracy so far">
      <h3>Accuracy so far</h3>
      <p className="muted">{counted(progress.marked, 'asset')} marked. The band is the 95% interval (Wilson).</p>
      <table>
        <thead>
          <tr>
            <th scope="col">Column</th>
            <th scope="col">Right</th>
            <th scope="col" className="interval-head">
              <span className="sr">Interval</span>
            </th>
          </tr>
        </thead>
        <tbody>
          <AccuracyRow name="whole answer" accuracy={progress.answers} />
          {progress.columns.map((each) => (
            <AccuracyRow key={each.column} name={each.column} accuracy={each} />
          ))}
        </tbody>
      </table>
      <p className="accuracy-links">
        {(
          [
            ['right', right],
            ['wrong', wrong],
            ['unsure', unsure],
          ] as const
        ).map(([verdict, units]) => (
          <button
            key={verdict}
            type="button"
            className="small"
            disabled={units === 0}
            onClick={() => change({ screen: 'table', filter: [{ review: [verdict] }] })}
          >
            Show {count(units)} {verdict}
          </button>
        ))}
      </p>
      {(csv !== null || jsonl !== null) && (
        <p className="accuracy-links">
          {csv !== null && (
            <a className="button" href={csv} download>
              <Icon name="download" /> Marks as CSV
            </a>
          )}
          {jsonl !== null && (
            <a className="button" href={jsonl} download>
              <Icon name="download" /> JSONL
            </a>
          )}
        </p>
      )}
    </section>
  )
}

function AccuracyRow({ name, accuracy: { accuracy, right, wrong, unsure } }: { name: string; accuracy: Accuracy }) {
  const counts = `${count(right)} right, ${count(wrong)} wrong, ${count(unsure)} unsure`
  return (
    <tr title={counts}>
      <th scope="row">
        <bdi>{name}</bdi>
      </th>
      <td className="accuracy-share">
        {accuracy === null ? '–' : percentOf(accuracy.estimate)}
        <span className="muted">
          {' '}
          {count(right)}/{count(right + wrong)}
        </span>
      </td>
      <td>{accuracy !== null && <Interval proportion={accuracy} />}</td>
    </tr>
  )
}
