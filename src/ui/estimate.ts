import { styleText } from 'node:util'
import type { Column } from '../contracts/columns.ts'
import type { EstimateReport, GeminiEstimate } from '../contracts/estimate-report.ts'
import { bytesText } from '../contracts/bytes-text.ts'
import { MEDIA_RESOLUTIONS } from '../contracts/model-options.ts'
import { usdText } from '../contracts/prices.ts'
import { plainLine } from './plain-text.ts'
import { carriedText } from './report.ts'
import { intervalText, sampleLines } from './sample.ts'
import { formatTable } from './table.ts'
import { linesOf, wrapped } from './wrap.ts'
import { countText } from '../contracts/count-text.ts'

const number = (value: number): string => countText(Math.round(value))

/** Formats an estimate for a terminal. */
export function formatEstimate(report: EstimateReport, { width }: { width: number }): string {
  const facts: [string, string][] = [
    ['Profile', report.profile],
    ['Source', report.source],
    [report.unit === 'asset' ? 'Assets' : 'Units', number(report.units)],
    ['Images', number(report.images)],
    ...(report.carried ? ([['Carried', carriedText(report.carried)]] satisfies [string, string][]) : []),
    ['Snapshot', `${bytesText(report.snapshot_bytes)} for BigQuery to scan`],
    ['Counted', countedText(report)],
  ]
  const lines = [
    styleText('bold', report.sample === null ? 'Estimate; nothing was created' : 'Estimate from a sample'),
    '',
    ...facts.map(([name, value]) => `  ${name.padEnd(10)}${plainLine(value)}`),
    ...section('Images per unit', histogramLines(report)),
    ...section(
      'Left out',
      report.left_out.map(({ count, text }) => `${number(count)} ${text}`),
    ),
    ...section('Sample', report.sample === null ? [] : sampleLines(report.sample, width - 2)),
    ...section(
      'Samples',
      report.samples.flatMap(({ unit_id, images }) => [
        plainLine(unit_id),
        ...images.map((uri) => `  ${plainLine(uri)}`),
      ]),
    ),
    ...section('Columns of the results', linesOf(report.columns.map(columnText), width - 2, ', ')),
    ...section('Tokens', report.gemini === null ? [] : tokenLines(report.gemini, report.sample !== null)),
    ...section(pricesTitle(report), costLines(report, width)),
    ...section('Duration', durationLines(report, width)),
    ...section('Other models, tiers and media resolutions', alternativeLines(report, width)),
    ...section("BigQuery's AI.GENERATE", aiGenerateLines(report, width)),
  ]
  return lines.join('\n')
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', styleText('bold', title), ...lines.map((line) => `  ${line}`)]
}

function countedText({ counted: { how, bytes_read: bytes } }: EstimateReport): string {
  if (how === 'local') return 'on this machine'
  const read = `${bytesText(bytes)} read in BigQuery`
  return how === 'query' ? read : `in a temporary table, which is deleted again; ${read}`
}

/** The widest bar of the histogram. */
const BAR = 30

/** Units with more images than this share a line. */
const MOST_LINES = 7

function histogramLines({ images_per_unit: groups, units }: EstimateReport): string[] {
  const shown = groups.slice(0, MOST_LINES)
  const rest = groups.slice(MOST_LINES)
  const lines = shown.map((group) => bar(String(group.images), group.units, units))
  if (rest.length === 0) return lines
  const more = rest.reduce((sum, group) => sum + group.units, 0)
  return [...lines, bar(`${rest[0]?.images}+`, more, units)]
}

function bar(label: string, units: number, total: number): string {
  return `${label.padStart(4)}  ${'█'.repeat(Math.max(1, Math.round((units / total) * BAR)))} ${number(units)}`
}

function columnText({ name, type, mode }: Column): string {
  return `${name} ${mode === 'REPEATED' ? `ARRAY<${type}>` : type}`
}

function tokenLines(
  { tokens, assumptions, model, tier, media_resolution: resolution }: GeminiEstimate,
  isMeasured: boolean,
): string[] {
  const title = `${model}, ${tier} tier, media resolution ${resolution ?? "high (the model's own)"}`
  if (isMeasured) {
    return [
      title,
      `prompt and images  ${number(tokens.prompt + tokens.images)}   (as in the sample)`,
      `answers            ${number(tokens.answers)}`,
      `thoughts           ${number(tokens.thoughts)}`,
    ]
  }
  return [
    title,
    `prompt    ${number(tokens.prompt)}   (prompt and schema: ${assumptions.characters_per_token} characters per token)`,
    `images    ${number(tokens.images)}   (${number(assumptions.tokens_per_image)} per image)`,
    `answers   ${number(tokens.answers)}   (about ${number(assumptions.tokens_per_answer)} each)`,
    `thoughts  ${number(tokens.thoughts)}   (assumed: ${number(assumptions.thought_tokens_per_answer)} each)`,
  ]
}

function pricesTitle({ gemini, prices_dated: dated }: EstimateReport): string {
  const models = gemini === null ? '' : `; Gemini's of ${dated.gemini}`
  return `Cost (list prices of ${dated.google}, without free tiers${models})`
}

function costLines(
  { cost_usd: cost, cost_parts: parts, gemini, max_cost: cap, sample }: EstimateReport,
  width: number,
): string[] {
  const rows = [
    [
      'Gemini',
      'tokens',
      gemini === null ? 'no Gemini' : usdText(cost.gemini),
      gemini === null ? '' : `${number(gemini.tokens.total)} tokens`,
    ],
    ...parts.map(({ service, what, usd, amount }) => [SERVICE_NAMES[service] ?? service, what, usdText(usd), amount]),
  ]
  const pages = [...new Set([...(gemini ? [gemini.price_source] : []), ...parts.map(({ source }) => source)])]
  return [
    ...formatTable(['service', 'what', 'USD', 'amount'], rows, width - 2).split('\n'),
    styleText('bold', `total about ${usdText(cost.total)}`),
    ...(sample === null ? [] : [intervalText(sample)]),
    ...(gemini === null ? ['The pixels model measures the images and costs no Gemini.'] : []),
    ...(gemini?.stand_in ? [`Here, ${plainLine(gemini.stand_in)} answers, and Gemini is not billed.`] : []),
    ...(cap === null ? [] : [capText(cap)]),
    ...pages.map((page) => styleText('dim', plainLine(page))),
  ]
}

const SERVICE_NAMES: Readonly<Record<string, string>> = {
  bigquery: 'BigQuery',
  cloud_run: 'Cloud Run',
  cloud_tasks: 'Cloud Tasks',
  pubsub: 'Pub/Sub',
}

function capText({
  usd,
  would_be_refused: isRefused,
  fitting_units: fitting,
}: NonNullable<EstimateReport['max_cost']>): string {
  return isRefused
    ? `--max-cost ${usd} would refuse this run; ${fitting > 0 ? `about ${number(fitting)} would fit (imagery run --sample ${fitting})` : 'not even one asset would fit'}`
    : `--max-cost ${usd} would allow this run`
}

function durationLines({ duration }: EstimateReport, width: number): string[] {
  const { seconds, concurrency, instances, throughput_tiers: tiers, throughput_source: source } = duration
  const at = `${number(concurrency)} at once on ${number(instances)} ${instances === 1 ? 'instance' : 'instances'}`
  const rows = tiers.map((tier) => [
    tier.name,
    tier.spend,
    number(tier.tokens_per_minute),
    `about ${timeText(tier.seconds)}`,
  ])
  return [
    `about ${timeText(seconds)}, ${at}, without throttling`,
    ...(source === null
      ? []
      : [
          'Within the tokens that Google prioritizes, by the spend of the last 30 days:',
          ...formatTable(['usage tier', 'spent on Vertex AI', 'tokens per minute', 'duration'], rows, width - 2).split(
            '\n',
          ),
          styleText('dim', source),
        ]),
  ]
}

function alternativeLines({ gemini }: EstimateReport, width: number): string[] {
  if (gemini === null) return []
  const { alternatives } = gemini
  const rows = [...new Set(alternatives.map(({ model, tier }) => `${model} ${tier}`))].map((name) => {
    const same = alternatives.filter(({ model, tier }) => `${model} ${tier}` === name)
    return [
      same[0]?.model,
      same[0]?.tier,
      ...same.map(({ usd, is_chosen: isChosen }) => `${usdText(usd)}${isChosen ? ' *' : ''}`),
    ]
  })
  return [...formatTable(['model', 'tier', ...MEDIA_RESOLUTIONS], rows, width - 2).split('\n'), '* this run']
}

function aiGenerateLines({ ai_generate: advice }: EstimateReport, width: number): string[] {
  if (!advice.is_better) return wrapped(plainLine(`A run fits better: ${advice.reasons.join('. ')}.`), width - 2)
  return [
    ...wrapped(
      'One statement of BigQuery would do this job, if you need no retries, cap or ledger. It needs a Cloud resource connection (LOCATION.CONNECTION) whose service account may read the images and call Vertex AI:',
      width - 2,
    ),
    '',
    ...(advice.statement ?? '').split('\n').map(plainLine),
    '',
    ...advice.sources.map((page) => styleText('dim', page)),
  ]
}

function timeText(seconds: number): string {
  if (seconds < 90) return `${number(seconds)} s`
  if (seconds < 5_400) return `${number(seconds / 60)} min`
  return `${countText(seconds / 3_600, 1)} h`
}
