import type { UnitAttempt } from '../../contract/source.ts'
import { count, duration, usd } from '../format/numbers.ts'
import { timeText } from '../format/times.ts'
import { valueText } from '../format/values.ts'
import { Status } from '../parts/status.tsx'
import { TextBlock } from '../parts/text-block.tsx'

/** Every recorded try at a unit, oldest first. */
export function Attempts({ attempts }: { attempts: readonly UnitAttempt[] }) {
  if (attempts.length === 0) return null
  return (
    <section className="unit-section" aria-label="Attempts">
      <h3>{attempts.length === 1 ? 'Attempt' : `${attempts.length} attempts`}</h3>
      <ol className="attempts">
        {attempts.map((attempt) => (
          <li key={attempt.attempt_id}>
            <Attempt attempt={attempt} />
          </li>
        ))}
      </ol>
    </section>
  )
}

function Attempt({ attempt }: { attempt: UnitAttempt }) {
  const figures: [string, string | null][] = [
    ['cause', attempt.cause],
    ['cost', attempt.cost_usd === null ? null : usd(attempt.cost_usd)],
    ['duration', attempt.latency_ms === null ? null : duration(attempt.latency_ms)],
    ['prompt tokens', attempt.prompt_tokens === null ? null : count(attempt.prompt_tokens)],
    ['output tokens', attempt.output_tokens === null ? null : count(attempt.output_tokens)],
    ['thought tokens', attempt.thought_tokens === null ? null : count(attempt.thought_tokens)],
    ['model version', attempt.model_version],
    ['attempt', attempt.attempt_id],
  ]
  const extra = Object.entries(attempt.extra).filter(([, value]) => value !== null)
  return (
    <>
      <p className="attempt-head">
        <Status status={attempt.status} /> <span className="muted">{timeText(attempt.started_at)}</span>
      </p>
      {attempt.error_message !== null && (
        <p className="error-text">
          <bdi>{attempt.error_message}</bdi>
        </p>
      )}
      <dl className="figures wide">
        {figures.map(([name, value]) =>
          value === null ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <bdi>{value}</bdi>
              </dd>
            </div>
          ),
        )}
      </dl>
      {attempt.raw_answer !== null && (
        <details>
          <summary>Raw answer</summary>
          <TextBlock text={attempt.raw_answer} />
        </details>
      )}
      {extra.length > 0 && (
        <details>
          <summary>More of the record</summary>
          <dl className="values">
            {extra.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <bdi>{valueText(value)}</bdi>
                </dd>
              </div>
            ))}
          </dl>
        </details>
      )}
    </>
  )
}
