import { styleText } from 'node:util'
import { runObjectsPrefix } from '../contracts/names.ts'
import { stateName, type Answers, type FailureGroup, type RunReport } from '../contracts/run-report.ts'
import { usdText } from '../contracts/prices.ts'
import { throttledText, type Throttling } from '../contracts/run-pacing.ts'
import type { RunPace } from '../contracts/run-progress.ts'
import { suggestedCommand, suggestedCommands } from '../contracts/suggested-command.ts'
import { plainLine, shortened } from './plain-text.ts'
import { cellText } from './table.ts'
import { linesOf } from './wrap.ts'
import { countText } from '../contracts/count-text.ts'

/** A summary on a terminal lists this many kinds of failures. */
const SHOWN_FAILURES = 8

/** Formats the summary after a run, and of `status`. */
export function formatReport(report: RunReport, options: { flags: string; width: number }): string {
  const { units, run_id: runId } = report
  const lines = [`${styleText('bold', `Run ${runId}`)}  ${stateText(report)}`, '']
  const facts: [string, string][] = [
    ['Profile', plainLine(report.profile)],
    ['Source', plainLine(report.source)],
    ['Assets', `${assetCounts(units)}${report.as_of ? `   (counted at ${clockText(report.as_of)})` : ''}`],
    ...(report.carried ? ([['Carried', carriedText(report.carried)]] satisfies [string, string][]) : []),
    ...(report.pace ? ([['Pace', paceText(report.pace)]] satisfies [string, string][]) : []),
    ...(callsText(report.throttling) ? ([['Calls', callsText(report.throttling)]] satisfies [string, string][]) : []),
    ['Cost', costText(report)],
    ...(report.answers ? ([['Answers', plainLine(answersText(report.answers))]] satisfies [string, string][]) : []),
    ['Started', timeText(report.started_at)],
  ]
  const { stopped } = report
  if (stopped) facts.push(['Stopped', plainLine(`${timeText(stopped.stopped_at)}: ${stopped.message}`)])
  if (report.finished_at) facts.push(['Took', elapsed(report.started_at, report.finished_at)])
  if (report.results_table) facts.push(['Results', plainLine(report.results_table)])
  for (const [name, value] of facts) lines.push(`  ${name.padEnd(9)}${value}`)
  if (units.failed > 0) lines.push('', ...failureLines(report, options.flags, options.width))
  const next = nextCommands(report, options.flags)
  if (next.length > 0) lines.push('', styleText('bold', 'Next'), ...next.map((command) => `  ${plainLine(command)}`))
  return lines.join('\n')
}

/** `1,204 unchanged, which cost $0.5418 then; 3 new, 2 changed, 1 failed before; 4 gone` */
export function carriedText({
  units,
  cost_usd: cost,
}: Pick<NonNullable<RunReport['carried']>, 'units' | 'cost_usd'>): string {
  const paid = cost === 0 ? '' : `, which cost $${cost.toFixed(4)} then`
  const failed = units.failed_before > 0 ? `, ${countText(units.failed_before)} failed before` : ''
  return `${countText(units.unchanged)} unchanged${paid}; ${countText(units.new)} new, ${countText(units.changed)} changed${failed}; ${countText(units.gone)} gone`
}

function assetCounts({ total, ok, failed, pending }: RunReport['units']): string {
  const parts = [styleText('green', `${countText(ok)} ok`)]
  if (failed > 0) parts.push(styleText('red', `${countText(failed)} failed`))
  if (pending > 0) parts.push(styleText('yellow', `${countText(pending)} pending`))
  return `${countText(total)}: ${parts.join(', ')}`
}

/** @param time RFC 3339, in UTC */
function timeText(time: string): string {
  return time.replace('T', ' ').replace(/(?:\.\d+)?Z$/, ' UTC')
}

function stateText(report: RunReport): string {
  const colors = {
    loading: 'cyan',
    complete: 'green',
    running: 'cyan',
    starting: 'cyan',
    paused: 'yellow',
    torn_down: 'gray',
  } as const
  const isStopped = report.state === 'paused' && report.stopped !== undefined && report.stopped.reason !== 'canceled'
  return styleText(colors[report.state], `${isStopped ? 'stopped: ' : ''}${stateName(report)}`)
}

function failureLines(report: RunReport, flags: string, width: number): string[] {
  const causes = Object.entries(report.causes).toSorted(([, a], [, b]) => b - a)
  const lines = [
    styleText('bold', `Failed: ${causes.map(([cause, count]) => `${countText(count)} ${cause}`).join(', ')}`),
  ]
  // The user knows a staged image by its local path.
  const staged = new RegExp(`gs://[^/\\s]+/${runObjectsPrefix(report.run_id)}images/`, 'g')
  const groups = (report.failure_groups ?? ungrouped(report)).slice(0, SHOWN_FAILURES)
  for (const { units, example, next } of groups) {
    const reason = cellText(example.error_message).replaceAll(staged, '')
    const others = units === 1 ? '' : `  and ${countText(units - 1)} more like it`
    lines.push(
      `  ${shortened(cellText(example.unit_id), MOST_ID_LETTERS)}${others}`,
      ...messageLines(reason, width - 4).map((line) => `    ${line}`),
    )
    if (next !== '') lines.push(`    → ${plainLine(suggestedCommands(next, flags))}`)
  }
  const more = report.units.failed - groups.reduce((sum, { units }) => sum + units, 0)
  if (more > 0) lines.push(`  and ${countText(more)} more: see the results with status = 'failed'`)
  return lines
}

/** A report of an earlier version has no groups. */
function ungrouped({ failures }: RunReport): FailureGroup[] {
  return failures.map(({ cause, unit_id, error_message }) => ({
    cause,
    units: 1,
    example: { unit_id, error_message },
    next: '',
  }))
}

/** `script:/home/me/model.yaml; nothing is billed` */
function answersText({ by, billed, available }: Answers): string {
  const who = by === 'forward' ? 'forward: the real Vertex AI' : by
  const bill = billed === false ? '; nothing is billed' : by === 'forward' ? '; Google bills you' : ''
  const elsewhere = available ? '' : '; not in the running local cloud, so no task is sent'
  return `${who}${bill}${elsewhere}`
}

/** `12/s, $3.40 an hour, ends at about 14:05 UTC (14:01 to 14:12)` */
function paceText({ units_per_second: rate, usd_per_hour: usd, ends_at: end, ends_between: between }: RunPace): string {
  const parts = [`${rate < 10 ? rate.toFixed(1) : countText(Math.round(rate))}/s`]
  if (usd > 0) parts.push(`${usdText(usd)} an hour`)
  if (end !== null) parts.push(`ends at about ${timeText(minutes(end))}`)
  const range = between
    ? ` (${between.map((time) => timeText(minutes(time)).slice(0, -' UTC'.length)).join(' to ')})`
    : ''
  return `${parts.join(', ')}${range}`
}

/** `12 % of the calls throttled in the last minutes, now at most 31/s`; empty if there is nothing to say. */
function callsText(throttling: Throttling | undefined): string {
  if (!throttling) return ''
  const { calls_per_second: rate } = throttling
  const share = throttledText(throttling)
  const parts = [
    ...(share === undefined ? [] : [`${share} in the last minutes`]),
    ...(rate === null ? [] : [`now at most ${rate < 10 ? rate.toFixed(1) : countText(Math.round(rate))}/s`]),
  ]
  return parts.join(', ')
}

/** RFC 3339, to the minute. */
function minutes(time: string): string {
  return `${time.slice(0, '2026-11-30T16:18'.length)}Z`
}

function clockText(time: string): string {
  return `${time.slice('2026-11-30T'.length, '2026-11-30T16:18:05'.length)} UTC`
}

function costText(report: RunReport): string {
  const { cost_usd: cost, answers_without_usage: unknown = 0, answers } = report
  const price = answers?.billed === false ? ' by the price list' : ''
  const { cost_expected_usd: expected, max_cost_usd: most } = report
  const rest = [
    ...(expected === undefined ? [] : [`about ${usdText(expected)} in all`]),
    ...(most === undefined ? [] : [`at most ${usdText(most)}`]),
  ]
  const known = [cost === 0 ? 'nothing' : `$${cost.toFixed(4)}${price}`, ...rest].join(', ')
  if (unknown === 0) return known
  const unpriced = `${countText(unknown)} ${unknown === 1 ? 'answer' : 'answers'} whose usage the model did not report`
  return cost === 0 ? `unknown, for ${unpriced}` : `${known}, and the unknown cost of ${unpriced}`
}

function nextCommands(report: RunReport, flags: string): string[] {
  const id = report.run_id
  const next = (command: string): string => suggestedCommand(command, flags)
  switch (report.state) {
    case 'complete':
      return [next(`view ${id}`), next(`results ${id}`), next(`teardown ${id}`)]
    case 'running':
      return [next(`status ${id} --watch`)]
    case 'loading':
      return [next(`status ${id}`), `${next(`teardown ${id}`)}   (if the command that started it has ended)`]
    case 'starting':
      return [next(`status ${id} --watch`), `${next(`resume ${id}`)}   (if the command that started it has ended)`]
    case 'paused':
      return [
        ...(report.stopped?.failure_next ? [suggestedCommands(report.stopped.failure_next, flags)] : []),
        report.stopped?.next ? suggestedCommands(report.stopped.next, flags) : next(`resume ${id}`),
        ...(report.stopped ? [next(`results ${id}`)] : []),
        next(`teardown ${id}`),
      ]
    case 'torn_down':
      return report.results_table === null ? [] : [next(`results ${id}`)]
  }
}

function elapsed(from: string, to: string): string {
  const seconds = (Date.parse(to) - Date.parse(from)) / 1_000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  return seconds < 3_600
    ? `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`
    : `${(seconds / 3_600).toFixed(1)} h`
}

/** An ID that is longer than this is no ID that a person reads. */
const MOST_ID_LETTERS = 200

/** A message longer than this many lines is cut. */
const MESSAGE_LINES = 4

/** Breaks a message into lines of at most `width`, at spaces if possible. A URI can be longer than a line. */
function messageLines(text: string, width: number): string[] {
  const words = text.split(/\s+/).flatMap((long) => long.match(new RegExp(`.{1,${Math.max(8, width)}}`, 'gu')) ?? [])
  const lines = linesOf(words, width)
  return lines.length <= MESSAGE_LINES
    ? lines
    : [...lines.slice(0, MESSAGE_LINES - 1), `${lines[MESSAGE_LINES - 1]?.slice(0, width - 1)}…`]
}
