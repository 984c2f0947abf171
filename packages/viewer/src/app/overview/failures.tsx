import type { Filter } from '../../contract/filter.ts'
import { useShared } from '../data/source-context.ts'
import { counted } from '../format/numbers.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { isOf, toggleValue } from '../state/filters.ts'
import type { ChangeView } from '../state/use-view-state.ts'

const failedBy = (cause: string): Filter => [{ column: 'cause', is: [cause] }]

/** Failures with one cause and message each, an example, and the next command. */
export function Failures({ filter, change }: { filter: Filter; change: ChangeView }) {
  const { run } = useShared()
  const hasCause = run.columns.some(({ name }) => name === 'cause')
  const largest = Math.max(1, ...run.failures.map(({ units }) => units))
  return (
    <section className="failures" aria-label="Failures">
      <h2>Failures</h2>
      <ul>
        {run.failures.map(({ cause, units, example, next }) => (
          <li key={`${cause} ${example.unit_id} ${example.error_message}`}>
            <div className="failure-cause">
              {hasCause ? (
                <button
                  type="button"
                  className="link strong"
                  aria-pressed={isOf(filter, 'cause')?.is.includes(cause) ?? false}
                  title="Show only these"
                  onClick={() => change((now) => ({ filter: toggleValue(now.filter, 'cause', cause) }))}
                >
                  {cause}
                </button>
              ) : (
                <strong>{cause}</strong>
              )}
              <span className="failure-units">{counted(units, 'asset')}</span>
              <span className="failure-track" aria-hidden="true">
                <span style={{ width: `${(units / largest) * 100}%` }} />
              </span>
            </div>
            <p className="failure-message">
              <bdi>{example.error_message}</bdi>{' '}
              <button
                type="button"
                className="link"
                onClick={() => change({ unit: example.unit_id, among: hasCause ? failedBy(cause) : [], at: null })}
              >
                Example: <bdi>{example.unit_id}</bdi>
              </button>
            </p>
            {next !== '' && (
              <p className="next">
                <code>{next}</code>
                {next.startsWith('imagery ') && <CopyButton text={next} label="Copy" />}
              </p>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
