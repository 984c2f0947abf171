import { styleText } from 'node:util'
import type { ShownAttempt, ShownUnit } from '../contracts/shown-asset.ts'
import { plainLine, plainText } from './plain-text.ts'
import { cellText } from './table.ts'
import { wrapped } from './wrap.ts'
import { countText } from '../contracts/count-text.ts'

/** Formats everything about the units of an asset, in lines of at most `width` except for URIs and IDs. */
export function formatUnits(units: readonly ShownUnit[], width: number): string {
  return units.map((unit) => unitLines(unit, width).join('\n')).join('\n\n')
}

function unitLines(unit: ShownUnit, width: number): string[] {
  const facts: [string, string][] = [
    ...(unit.asset_id !== null && unit.asset_id !== unit.unit_id
      ? [['Asset', cellText(unit.asset_id)] as [string, string]]
      : []),
    ['Location', cellText(unit.location)],
    ['Detected', cellText(unit.detection_time)],
  ]
  return [
    `${styleText('bold', cellText(unit.unit_id))}  ${plainLine(unit.status)}`,
    ...named(
      facts.filter(([, value]) => value !== ''),
      width,
    ),
    ...section('Kept from the source', named(valuesOf(unit.kept), width)),
    ...section('Answer', named(valuesOf(unit.answer), width)),
    ...section(
      'Images',
      unit.images.map(({ observation_id: id, gcs_uri: uri }) => `  ${cellText(id)}  ${cellText(uri)}`),
    ),
    ...section(
      unit.attempts.length === 0 ? 'No attempts yet' : 'Attempts',
      unit.attempts.flatMap((attempt, index) => attemptLines(attempt, index + 1, width)),
      true,
    ),
  ]
}

function valuesOf(values: Record<string, unknown>): [string, string][] {
  return Object.entries(values).flatMap(([name, value]): [string, string][] =>
    value === null ? [] : [[name, cellText(value)]],
  )
}

function section(title: string, lines: readonly string[], always = false): string[] {
  return lines.length === 0 && !always ? [] : ['', styleText('bold', title), ...lines]
}

/** Names and values in two columns; a long value continues under itself. */
function named(facts: readonly [name: string, value: string][], width: number): string[] {
  const indent = Math.max(0, ...facts.map(([name]) => name.length)) + 4
  return facts.flatMap(([name, value]) =>
    wrapped(value, Math.max(20, width - indent)).map(
      (line, index) => `${(index === 0 ? `  ${plainLine(name)}` : '').padEnd(indent)}${line}`,
    ),
  )
}

function attemptLines(attempt: ShownAttempt, number: number, width: number): string[] {
  const { status, cause, model, model_version: version, tier } = attempt
  const outcome = cause === null ? status : `${status}: ${cause}`
  const facts = [
    attempt.finished_at,
    attempt.latency_ms === null ? '' : `${countText(attempt.latency_ms)} ms`,
    attempt.cost_usd === null ? 'cost unknown' : `$${attempt.cost_usd.toFixed(6)}`,
    tokensText(attempt),
    version === null || version === model ? (model ?? '') : `${model ?? ''} (${version})`,
    tier ?? '',
    attempt.finish_reason === null ? '' : `finish reason ${attempt.finish_reason}`,
    attempt.generation === null || attempt.generation === 0 ? '' : `generation ${attempt.generation}`,
  ].filter((fact) => fact !== '')
  const text = (title: string, value: string | null): string[] =>
    value === null ? [] : [`     ${title}`, ...wrapped(plainText(value), width - 7).map((line) => `       ${line}`)]
  return [
    `  ${number}. ${plainLine(outcome)}`,
    ...wrapped(plainLine(facts.join(', ')), width - 5).map((line) => `     ${line}`),
    ...text('Message', attempt.error_message),
    ...text('Exact answer', attempt.raw_answer),
  ]
}

function tokensText({ prompt_tokens: prompt, output_tokens: output, thought_tokens: thought }: ShownAttempt): string {
  if (prompt === null && output === null) return ''
  const tokens = (value: number | null): string => (value === null ? 'unknown' : countText(value))
  const thoughts = thought === null || thought === 0 ? '' : ` + ${countText(thought)} thinking`
  return `${tokens(prompt)} + ${tokens(output)}${thoughts} tokens`
}
