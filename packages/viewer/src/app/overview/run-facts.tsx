import { useShared } from '../data/source-context.ts'
import { timeText } from '../format/times.ts'
import { TextBlock } from '../parts/text-block.tsx'

/** What the run asked, of what and whom. */
export function RunFacts() {
  const { run } = useShared()
  const facts: [string, string][] = [
    ['Profile', run.profile],
    ['Model', run.model],
    ...(run.answered_by === null ? [] : ([['Answered by', run.answered_by]] as [string, string][])),
    ['Source', run.source],
    ['Results', run.results_table],
    ['Started', timeText(run.started_at)],
    ['Finished', run.finished_at === null ? (run.is_live ? 'not yet' : '') : timeText(run.finished_at)],
  ]
  // A run whose record is gone has only its rows.
  const known = facts.filter(([, value]) => value !== '')
  return (
    <section className="run-facts" aria-label="About the run">
      <h2>About the run</h2>
      <dl>
        {known.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <bdi>{value}</bdi>
            </dd>
          </div>
        ))}
      </dl>
      {run.prompt !== '' && (
        <details>
          <summary>Prompt</summary>
          <TextBlock text={run.prompt} />
        </details>
      )}
    </section>
  )
}
