/** The tables of docs/scale.md about runs of growing size, from the simulation and the product's own figures. */
import { bytesText } from '../../src/contracts/bytes-text.ts'
import { GOOGLE_PRICES, LEAST_SCANNED_BYTES, throughputTiers } from '../../src/contracts/google-prices.ts'
import type { RunTotals } from '../../src/contracts/run-heartbeat.ts'
import type { ProgressSample } from '../../src/contracts/run-progress.ts'
import { usdText } from '../../src/contracts/prices.ts'
import { findProfile } from '../../src/profiles/built-in-profiles.ts'
import { chooseModel } from '../../src/services/options/model-choice.ts'
import { MAX_CONCURRENCY, runLimits } from '../../src/services/options/run-options.ts'
import { estimateCost } from '../../src/services/run/cost-estimate.ts'
import { estimateDuration, START_SECONDS } from '../../src/services/run/duration-estimate.ts'
import { estimatePlatform, POPULATED_PER_SECOND } from '../../src/services/run/platform-cost.ts'
import { shards } from '../../src/run-data/shards.ts'
import { readEveryMs, readUsd } from '../../src/runtime/heartbeat/cadence.ts'
import { simulate, type Bound, type Simulated } from './simulate.ts'

export const SIZES = [100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000]

/** One image per asset, as in most street-sign tables. */
const PROFILE = findProfile('road-signs')

/** Bytes per unit of the snapshot, and of the columns that a round, a status and a heartbeat read (docs/scale.md, bench/bytes-read). */
export const BYTES = { snapshot: 130, roundKeys: 35, statusLedger: 120, statusSnapshot: 40 }

interface Planned {
  units: number
  concurrency: number
  tier: number | undefined
  simulated: Simulated
  estimatedSeconds: number
}

/** Simulates a run of a size, at a number of calls at once and within one of Google's usage tiers, or none. */
export function planned(units: number, { concurrency, tier }: { concurrency?: number; tier?: number }): Planned {
  const { gemini } = chooseModel(PROFILE, concurrency === undefined ? {} : { concurrency })
  if (gemini === null) throw new Error('not a Gemini profile')
  const limits = runLimits({ table: 't', profile: 'p', wait: true, concurrency }, gemini)
  const { promptTokens, outputTokens } = estimateCost({ profile: PROFILE, gemini }, { units, images: units })
  const tokensPerMinute = tier === undefined ? undefined : throughputTiers(gemini.model)[tier - 1]?.tokensPerMinute
  const estimated = estimateDuration({ gemini, limits }, { units, images: units, promptTokens, outputTokens })
  const simulated = simulate({
    units,
    secondsPerUnit: estimated.secondsPerUnit,
    tokensPerUnit: (promptTokens + outputTokens) / units,
    createdPerSecond: POPULATED_PER_SECOND,
    dispatchedPerSecond: limits.max_per_second,
    callsAtOnce: limits.max_calls ?? limits.max_concurrent,
    tokensPerMinute,
  })
  const inTier = tier === undefined ? undefined : estimated.tiers[tier - 1]?.seconds
  return { units, concurrency: limits.max_calls ?? 0, tier, simulated, estimatedSeconds: inTier ?? estimated.seconds }
}

const number = (value: number): string => Math.round(value).toLocaleString('en')

/** Time until the last row, with the start of the run. */
function timeText(seconds: number): string {
  const all = seconds + START_SECONDS
  if (all < 90) return `${number(all)} s`
  if (all < 5_400) return `${number(all / 60)} min`
  return all < 345_600 ? `${number(all / 3_600)} h` : `${number(all / 86_400)} days`
}

const BOUND_WORDS: Record<Bound, string> = {
  'calls at once': 'calls at once',
  queue: "the queue's 500 per second",
  tokens: 'tokens per minute',
  creation: 'creating tasks',
}

/** How long runs take, and what holds them back. */
export function durationTable(): string {
  const rows = SIZES.map((units) => {
    const usual = planned(units, {})
    const most = planned(units, { concurrency: MAX_CONCURRENCY })
    const instances = (concurrency: number): number => instancesOf(units, concurrency)
    const cell = ({ simulated }: Planned): string =>
      `${timeText(simulated.seconds)} (${BOUND_WORDS[simulated.boundBy]})`
    const tiers = [1, 3].map((tier) => cell(planned(units, { concurrency: MAX_CONCURRENCY, tier })))
    return [
      number(units),
      cell(usual),
      number(instances(usual.concurrency)),
      cell(most),
      number(instances(MAX_CONCURRENCY)),
      ...tiers,
    ]
  })
  return markdown(
    [
      'assets',
      '200 calls at once',
      'instances',
      `${number(MAX_CONCURRENCY)} at once`,
      'instances',
      'the same in usage tier 1',
      'in usage tier 3',
    ],
    rows,
  )
}

function instancesOf(units: number, concurrency: number): number {
  const { gemini } = chooseModel(PROFILE, { concurrency })
  const limits = runLimits({ table: 't', profile: 'p', wait: true, concurrency }, gemini)
  return estimateDuration({ gemini, limits }, { units, images: units, promptTokens: 0, outputTokens: 0 }).instances
}

/** What runs cost, by service. */
export function costTable(): string {
  const rows = SIZES.map((units) => {
    const { model, services } = costsOf(units)
    const sum = Object.values(services).reduce((total, usd) => total + usd, 0)
    return [
      number(units),
      usdText(model),
      usdText(services.bigquery ?? 0),
      usdText(services.cloud_run ?? 0),
      usdText(services.cloud_tasks ?? 0),
      usdText(services.pubsub ?? 0),
      `${((sum / model) * 100).toFixed(1)} %`,
    ]
  })
  return markdown(
    ['assets', 'Gemini', 'BigQuery', 'Cloud Run', 'Cloud Tasks', 'Pub/Sub', 'all but Gemini, of Gemini'],
    rows,
  )
}

/** The costs of a run with 200 calls at once. */
export function costsOf(units: number): { model: number; services: Record<string, number> } {
  const { gemini } = chooseModel(PROFILE, {})
  if (gemini === null) throw new Error('not a Gemini profile')
  const limits = runLimits({ table: 't', profile: 'p', wait: true }, gemini)
  const { usd, tokens } = estimateCost({ profile: PROFILE, gemini }, { units, images: units })
  const { instances } = estimateDuration({ gemini, limits }, { units, images: units, promptTokens: 0, outputTokens: 0 })
  const seconds = planned(units, {}).simulated.seconds + START_SECONDS
  const size = { units, images: units, snapshotBytes: units * BYTES.snapshot, answerTokens: tokens.answers }
  const services: Record<string, number> = {}
  for (const { service, usd: part } of estimatePlatform({ ...size, duration: { seconds, instances } }))
    services[service] = (services[service] ?? 0) + part
  return { model: usd, services }
}

/** What BigQuery reads for a status, a resume and a whole watch, and what it bills for them. */
export function bytesTable(): string {
  const rows = SIZES.map((units) => {
    const status = BYTES.statusLedger * units + BYTES.statusSnapshot * units
    const rounds = shards('261130-00000000', units, ['queue'], { generation: 1, onlyPending: true }).length
    const round = billed(BYTES.snapshot * units, rounds) + billed(BYTES.roundKeys * units, rounds)
    const seconds = planned(units, {}).simulated.seconds
    const { reads, usd } = heartbeatReads(units, seconds)
    return [
      number(units),
      bytesText(status),
      usdText(priceOf(billed(status, 2))),
      bytesText((BYTES.snapshot + BYTES.roundKeys) * units),
      usdText(priceOf(round)),
      number(reads),
      usdText(usd),
    ]
  })
  return markdown(
    [
      'assets',
      'a count of the whole ledger',
      'billed',
      'a resume of all',
      'billed',
      'counts by the heartbeats of a run',
      'billed',
    ],
    rows,
  )
}

function billed(bytes: number, tables: number): number {
  return Math.max(bytes, tables * LEAST_SCANNED_BYTES)
}

function priceOf(bytes: number): number {
  return (bytes / 2 ** 40) * GOOGLE_PRICES.bigquery_scan.usd
}

/** The counts of the whole ledger that the heartbeats of a run make, by the rule that they follow, and their price. */
function heartbeatReads(units: number, seconds: number): { reads: number; usd: number } {
  const { simulated } = planned(units, {})
  const perSecond = { done: units / seconds, cost_usd: costsOf(units).model / seconds }
  const history: ProgressSample[] = [0, 60].map((second) => ({
    at: new Date(second * 1_000).toISOString(),
    done: perSecond.done * second,
    cost_usd: perSecond.cost_usd * second,
  }))
  let [reads, usd] = [0, 0]
  for (let at = FIRST_READ_SECONDS; at < seconds + FIRST_READ_SECONDS; reads += 1) {
    const done = simulated.doneAt(at)
    const totals = totalsOf(units, done)
    usd += readUsd(totals)
    at += readEveryMs(totals, history) / 1_000
  }
  return { reads, usd }
}

const FIRST_READ_SECONDS = 30

function totalsOf(units: number, done: number): RunTotals {
  return {
    at: new Date(0).toISOString(),
    units: { total: units, ok: done, failed: 0, pending: units - done },
    causes: {},
    attempts: done,
    cost_usd: 0,
    answers_without_usage: 0,
    last_row_at: null,
    stray_rows: null,
  }
}

function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(header), `|${header.map(() => '---|').join('')}`, ...rows.map(line)].join('\n')
}

/** The tables between the marks in docs/scale.md. */
export const SCALE_TABLES: Readonly<Record<string, () => string>> = {
  durations: durationTable,
  costs: costTable,
  bytes: bytesTable,
}

/** Replaces the tables of a page by the simulated ones. */
export function withScaleTables(page: string): string {
  return Object.entries(SCALE_TABLES).reduce((text, [name, table]) => {
    const marked = new RegExp(`(<!-- ${name}: bench/scale -->\\n)[\\s\\S]*?(\\n<!-- end -->)`)
    if (!marked.test(text)) throw new Error(`the page has no place for the table of ${name}`)
    return text.replace(marked, (_, start: string, end: string) => `${start}\n${table()}\n${end}`)
  }, page)
}
