/**
 * The estimate of a run without a sample, compared with recorded usage: `node bench/estimate.ts [FILE]`. FILE has one
 * recorded answer per line, with `usageMetadata`, as `--gemini replay:FILE` reads it.
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
