/**
 * The estimate of a run without a sample, and after a sample of 20 units, compared with recorded usage: `node
 * bench/estimate.ts [FILE]`. FILE has one recorded answer per line, with `usageMetadata`, as `--gemini replay:FILE` reads it.
 *
 * The recordings are from Gemini 2, whose image tokens depend on the size of the image: 258 per tile. What remains of a
 * recorded prompt is its text, and the estimate gets a prompt of as many characters as that text had.
 */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { costUsd } from '../src/contracts/prices.ts'
import type { GeminiOptions, Profile } from '../src/contracts/run-spec.ts'
import { findProfile } from '../src/profiles/built-in-profiles.ts'
import { estimateCost } from '../src/services/run/cost-estimate.ts'
import { narrowedCost, type MeasuredUnit } from '../src/services/run/sample-estimate.ts'
import { printTable } from './table.ts'

const FIXTURES = fileURLToPath(new URL('../test/fixtures/road-signs/', import.meta.url))

const TILE_TOKENS = 258

interface Usage {
  prompt: number
  output: number
}

interface Recording {
  name: string
  usage: Usage[]
  /** Characters of the prompt, without its indentation; its schema was in it. */
  promptCharacters: number
  /** If the images are known to be small. */
  tiles?: number
}

/** The prices of the model that a run would use today. */
const GEMINI: GeminiOptions = {
  model: 'gemini-2.0-flash',
  location: 'global',
  endpoint: null,
  tier: 'standard',
  media_resolution: null,
  temperature: null,
  max_output_tokens: null,
  thinking: 'minimal',
  image_transport: 'gs',
  price: { input_nanousd: 300, output_nanousd: 2_500 },
}

const recordings: Recording[] = [
  // The prompt of Google's sample notebook has 746 characters without indentation.
  { name: '262 answers about road signs', usage: readUsage(path.join(FIXTURES, 'usage.jsonl')), promptCharacters: 746 },
  // 154 tokens of text and one tile each; the prompt itself is not known, so the estimate gets its tokens.
  {
    name: 'test/fixtures/road-signs/answers.jsonl',
    usage: readUsage(path.join(FIXTURES, 'answers.jsonl')),
    promptCharacters: 154 * 3.5,
    tiles: 1,
  },
  ...process.argv.slice(2).map((file) => {
    const usage = readUsage(file)
    return { name: path.basename(file), usage, promptCharacters: Math.round((usage[0]!.prompt % TILE_TOKENS) * 3.5) }
  }),
]

const signs = findProfile('road-signs')

printTable(
  'the estimate without a sample, relative to recorded usage (goal: 0.75 to 1.25)',
  recordings.map(({ name, usage, promptCharacters, tiles }) => {
    const size = { units: usage.length, images: usage.length, ...(tiles === undefined ? {} : { tiles }) }
    const run = { profile: withPrompt(signs, promptCharacters), gemini: GEMINI }
    const { tokens, promptTokens } = estimateCost(run, size)
    const actual = usage.reduce((sum, one) => ({ prompt: sum.prompt + one.prompt, output: sum.output + one.output }))
    // The recorded model did not think.
    const cost = (prompt: number, output: number): number =>
      costUsd({ promptTokens: prompt, outputTokens: output, thoughtTokens: 0 }, GEMINI.price, GEMINI.tier)
    return {
      recording: name,
      answers: usage.length,
      'prompt and images': promptTokens / actual.prompt,
      'answer tokens': tokens.answers / actual.output,
      'all tokens': (promptTokens + tokens.answers) / (actual.prompt + actual.output),
      cost: cost(promptTokens, tokens.answers) / cost(actual.prompt, actual.output),
    }
  }),
)

/**
 * A sample of 20 predicts what the other recorded answers cost, out of sample: its own answers are not among them. The
 * recordings' images have a different number of tiles each, and Gemini 2 bills by the tile, which no estimate can know before
 * it reads the images. Gemini 3 bills every image alike, so the second line has the same answers with Gemini 3's tokens per image.
 */
const SAMPLE = 20
const DRAWS = 500
const GEMINI_3: GeminiOptions = { ...GEMINI, model: 'gemini-3.5-flash-lite' }
const GEMINI_3_IMAGE_TOKENS = 1_120

printTable(
  `the estimate after a sample of ${SAMPLE}, relative to what the other answers cost (goal: an error of at most 0.1), over ${DRAWS} draws`,
  recordings
    .filter(({ usage }) => usage.length >= 2 * SAMPLE)
    .flatMap((recording) => {
      const asRecorded = recording.usage.map((one) => measuredUnit(one, GEMINI))
      const asGemini3 = recording.usage.map(({ prompt, output }) =>
        measuredUnit({ prompt: (prompt % TILE_TOKENS) + GEMINI_3_IMAGE_TOKENS, output }, GEMINI_3),
      )
      return [
        { recording: `${recording.name}, as recorded`, ...sampled(recording, GEMINI, asRecorded) },
        { recording: `${recording.name}, with Gemini 3's images`, ...sampled(recording, GEMINI_3, asGemini3) },
      ]
    }),
)

function measuredUnit({ prompt, output }: Usage, gemini: GeminiOptions): MeasuredUnit {
  const tokens = { promptTokens: prompt, outputTokens: output, thoughtTokens: 0 }
  return { images: 1, ...tokens, costUsd: costUsd(tokens, gemini.price, gemini.tier) }
}

/** How far the estimates of many samples are from the cost of the answers that are not in the sample. */
function sampled({ promptCharacters }: Recording, gemini: GeminiOptions, units: readonly MeasuredUnit[]) {
  const run = { profile: withPrompt(signs, promptCharacters), gemini }
  const random = generator(1)
  const sum = (of: readonly MeasuredUnit[]): number => of.reduce((total, { costUsd: usd }) => total + usd, 0)
  const draws = Array.from({ length: DRAWS }, () => {
    const order = units.map((unit) => ({ unit, key: random() })).toSorted((one, other) => one.key - other.key)
    const shuffled = order.map(({ unit }) => unit)
    const [sample, others] = [shuffled.slice(0, SAMPLE), shuffled.slice(SAMPLE)]
    const { usd } = narrowedCost(run, sample, { units: others.length, images: others.length })
    const whole = narrowedCost(run, sample, { units: units.length, images: units.length }).interval!
    const all = sum(units)
    return { error: Math.abs(usd / sum(others) - 1), isInside: whole.low <= all && all <= whole.high }
  })
  const errors = draws.map(({ error }) => error).toSorted((one, other) => one - other)
  const at = (share: number): number => errors[Math.floor(share * (errors.length - 1))]!
  return {
    'median error': at(0.5),
    'error of 9 in 10': at(0.9),
    'within 0.1': errors.filter((error) => error <= 0.1).length / DRAWS,
    'actual in the 95 % interval': draws.filter(({ isInside }) => isInside).length / DRAWS,
  }
}

/** Park and Miller's generator: the same draws on every machine. */
function generator(seed: number): () => number {
  let state = seed
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

/** The same columns without their descriptions, and a prompt that has the recorded length together with them. */
function withPrompt(profile: Profile, characters: number): Profile {
  const properties = Object.entries(profile.output.properties ?? {}).map(
    ([name, { description: _, ...schema }]) => [name, schema] as const,
  )
  const output = { type: 'object' as const, properties: Object.fromEntries(properties) }
  const rest = Math.round(characters) - JSON.stringify(output).length
  return { ...profile, output, prompt: 'x'.repeat(Math.max(0, rest)) }
}

function readUsage(file: string): Usage[] {
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  return lines.map((line) => {
    const {
      usageMetadata,
      prompt_tokens: prompt,
      output_tokens: output,
    } = JSON.parse(line) as {
      usageMetadata?: { promptTokenCount: number; candidatesTokenCount: number }
      prompt_tokens: number
      output_tokens: number
    }
    return usageMetadata
      ? { prompt: usageMetadata.promptTokenCount, output: usageMetadata.candidatesTokenCount }
      : { prompt, output }
  })
}
