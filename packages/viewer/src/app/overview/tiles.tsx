import type { ReactNode } from 'react'
import type { ViewedRun } from '../../contract/run.ts'
import { useShared } from '../data/source-context.ts'
import { count, counted, duration, percent, usd } from '../format/numbers.ts'
import { timeText } from '../format/times.ts'
import type { Summaries } from '../shell/use-summaries.ts'

function Tile({ label, value, children }: { label: string; value: string; children?: ReactNode }) {
  return (
    <div className="tile">
      <dt>{label}</dt>
      <dd className="tile-value">{value}</dd>
      {children !== undefined && <dd className="tile-note">{children}</dd>}
    </div>
  )
}

/** The run in numbers. */
export function Tiles({ summaries, hasFilter }: { summaries: Summaries; hasFilter: boolean }) {
  const { run } = useShared()
  const { total, ok, failed, pending } = run.units
  const { filtered } = summaries
  const parts = [
    ['ok', ok],
    ['failed', failed],
    ['pending', pending],
  ] as const
  const progress = parts.map(([name, units]) => `${count(units)} ${name}`).join(', ')
  return (
    <section className="tiles-section" aria-label="The run in numbers">
      <div className="progress" role="img" aria-label={`Of ${counted(total, 'asset')}: ${progress}`}>
        {parts.map(([name, units]) =>
          units === 0 ? null : <span key={name} className={`part part-${name}`} style={{ flexGrow: units }} />,
        )}
      </div>
      <dl className="tiles">
        <Tile label="Answered" value={count(ok)}>
          {total === 0 ? 'no assets yet' : `${percent(ok, total)} of ${counted(total, 'asset')}`}
        </Tile>
        <Tile label="Failed" value={count(failed)}>
          {failed === 0 ? 'none' : `${percent(failed, total)} of all`}
        </Tile>
        <Tile label="Pending" value={count(pending)}>
          {run.is_live ? 'the page follows the run' : pending === 0 ? 'the run is complete' : 'the run has stopped'}
        </Tile>
        <Tile label="Cost" value={usd(run.cost_usd)}>
          {costNote(run)}
        </Tile>
        {run.started_at !== '' && (
          <Tile label="Time" value={took(run.started_at, run.finished_at)}>
            {run.finished_at === null ? 'since' : 'from'} {timeText(run.started_at)}
          </Tile>
        )}
        {hasFilter && filtered !== undefined && (
          <Tile label="In the filter" value={count(filtered.rows)}>
            {count(filtered.ok)} ok, {count(filtered.failed)} failed, {usd(filtered.cost_usd)}
          </Tile>
        )}
      </dl>
    </section>
  )
}

function costNote({ cost_usd: cost, is_billed: isBilled, units: { ok, failed } }: ViewedRun): string {
  const price = ok + failed === 0 || cost === 0 ? 'at list price' : `${usd((cost / (ok + failed)) * 1000)} per 1,000`
  return isBilled === false ? `${price}; nothing is billed` : price
}

function took(startedAt: string, finishedAt: string | null): string {
  const end = finishedAt === null ? Date.now() : Date.parse(finishedAt)
  const milliseconds = end - Date.parse(startedAt)
  return Number.isFinite(milliseconds) && milliseconds >= 0 ? duration(milliseconds) : '–'
}
