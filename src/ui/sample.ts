import type { SampleReport } from '../contracts/estimate-report.ts'
import { usdText } from '../contracts/prices.ts'
import { plainLine } from './plain-text.ts'
import { formatTable } from './table.ts'
import { wrapped } from './wrap.ts'
import { countText, counted } from '../contracts/count-text.ts'

/** The most answers that a terminal shows. `--json` has all. */
const MOST_SHOWN = 20

/** Formats what a model answered about the units of a sample, and what that says of the whole run. */
export function sampleLines(sample: SampleReport, width: number): string[] {
  const { answers, run_id: runId } = sample
  const rows = answers
    .slice(0, MOST_SHOWN)
    .map(({ unit_id: unit, status, cause, error_message: message, answer, cost_usd: usd }) => [
      unit,
      answer === null ? `${status} (${cause ?? 'unknown'}): ${message ?? ''}` : answerText(answer),
      usdText(usd),
    ])
  const hidden = answers.length - rows.length
  const counts = [
    `${countText(sample.ok)} ok`,
    ...(sample.failed > 0 ? [`${countText(sample.failed)} failed`] : []),
    ...(sample.unanswered > 0 ? [`${countText(sample.unanswered)} without an answer`] : []),
  ]
  return [
    `${counted(sample.units, 'asset')}: ${counts.join(', ')}; ${usdText(sample.cost_usd)} by the ledger`,
    ...(rows.length === 0 ? [] : formatTable(['asset', 'answer', 'USD'], rows, width).split('\n')),
    ...(hidden > 0 ? [`and ${countText(hidden)} more (--json has all)`] : []),
    ...wrapped(
      `The answers are kept as run ${runId}. A resume asks about the other assets and does not pay for these again; a teardown deletes the rest of the run.`,
      width,
    ),
  ]
}

/** The interval of a run's cost, after the sum. */
export function intervalText({ gemini_usd: interval }: SampleReport): string {
  if (interval === null) return 'one answer gives no interval'
  const { low, high, confidence } = interval
  return `Gemini's ${usdText(low)} to ${usdText(high)} with ${confidence * 100} % confidence (Student's t)`
}

function answerText(answer: Record<string, unknown>): string {
  const members = Object.entries(answer).filter(([, value]) => value !== null)
  return members
    .map(([name, value]) => plainLine(`${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`))
    .join('; ')
}
