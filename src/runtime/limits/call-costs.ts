import { DEFAULT_OUTPUT_TOKENS } from '../../contracts/model-options.ts'
import { costUsd, imageTokens } from '../../contracts/prices.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'

/** The costs that the highest is taken from. A rare expensive call is forgotten after as many others. */
const LAST_CALLS = 50

/** So few calls say little about the most expensive one. */
const FEW_CALLS = 10
const FEW_FACTOR = 1.5

/** For the first call, whose cost nothing is known about: characters per token, and the tokens of an answer. */
const CHARACTERS_PER_TOKEN = 3
const FIRST_ANSWER_TOKENS = 2_000

/** What the calls of a run have cost in this instance, by model, in billionths of a US dollar. */
export class CallCosts {
  readonly #last = new Map<string, number[]>()
  #learned: number | null = null

  add(spec: RunSpec, nanousd: number): void {
    const last = this.#last.get(keyOf(spec)) ?? []
    this.#last.set(keyOf(spec), last)
    last.push(nanousd)
    if (last.length > LAST_CALLS) last.shift()
  }

  /** What other instances know, which may be of another model. */
  learn(nanousd: number | null): void {
    this.#learned = nanousd
  }

  /** The highest of the last calls here, and more while they are few; undefined before the first. */
  known(spec: RunSpec): number | undefined {
    const last = this.#last.get(keyOf(spec))
    return last && Math.ceil(Math.max(...last) * (last.length < FEW_CALLS ? FEW_FACTOR : 1))
  }

  /** Whether no call has been seen anywhere. */
  isGuess(spec: RunSpec): boolean {
    return this.known(spec) === undefined && this.#learned === null
  }

  /** What a call can cost. */
  highest(spec: RunSpec): number {
    return this.known(spec) ?? this.#learned ?? firstGuess(spec)
  }
}

function keyOf({ gemini }: RunSpec): string {
  return gemini === null ? '' : `${gemini.model} ${gemini.price.output_nanousd}`
}

function firstGuess({ gemini, images, profile }: RunSpec): number {
  if (gemini === null) return 0
  const text = Math.ceil(((profile.prompt ?? '').length + JSON.stringify(profile.output).length) / CHARACTERS_PER_TOKEN)
  const outputTokens = Math.min(gemini.max_output_tokens ?? DEFAULT_OUTPUT_TOKENS, FIRST_ANSWER_TOKENS)
  const promptTokens = text + images.max_per_unit * imageTokens(gemini.model, gemini.media_resolution)
  return Math.ceil(costUsd({ promptTokens, outputTokens, thoughtTokens: 0 }, gemini.price, gemini.tier) * 1e9)
}
