import { geminiModelFacts } from '../../contracts/gemini-models.ts'
import { imageTokens, LIST_PRICES, modelPrice, type PriceList, type TokenPrice } from '../../contracts/prices.ts'
import { countText } from '../../contracts/count-text.ts'

/** What a successor's tokens cost, as a multiple of the retired model's. */
export interface PriceRatio {
  input: number
  output: number
}

/** Returns undefined when one of the prices is unknown. */
export function priceRatio(retired: string, successor: string, list: PriceList = LIST_PRICES): PriceRatio | undefined {
  const before = modelPrice(list, retired) ?? formerPrice(retired)
  const after = modelPrice(list, successor)
  if (!before || !after || before.input_nanousd === 0 || before.output_nanousd === 0) return undefined
  return {
    input: rounded(after.input_nanousd / before.input_nanousd),
    output: rounded(after.output_nanousd / before.output_nanousd),
  }
}

/**
 * Says what it costs to move to a successor, as the end of a sentence: `which costs the same per token`. Images of
 * Gemini 3 have more tokens than those of Gemini 2, so the price per token alone would mislead.
 */
export function successorPrice(retired: string, successor: string, list: PriceList = LIST_PRICES): string {
  const ratio = priceRatio(retired, successor, list)
  const before = imageTokens(retired, null)
  const after = imageTokens(successor, null)
  const images =
    before === after
      ? ''
      : `; an image has ${countText(after)} tokens instead of ${countText(before)} per tile, or ${countText(imageTokens(successor, 'low'))} with --media-resolution low`
  return `which ${ratio === undefined ? priceText(list, successor) : ratioText(ratio)}${images}`
}

function ratioText({ input, output }: PriceRatio): string {
  if (input === 1 && output === 1) return 'costs the same per token'
  if (input === output) return `costs ${input} times as much per token`
  return `costs ${input} times as much per input token and ${output} times per output token`
}

function priceText(list: PriceList, model: string): string {
  const price = modelPrice(list, model)
  if (!price) return 'has no price in the list'
  return `costs $${price.input_nanousd / 1_000} per million input tokens and $${price.output_nanousd / 1_000} per million output tokens`
}

/** The retired model's price of the table, also if the model has only a preview's or a version's name. */
function formerPrice(model: string): TokenPrice | undefined {
  const former = geminiModelFacts(model)?.retirement?.formerPrice
  return former && modelPrice({ dated: '', models: { [model]: former } }, model)
}

const rounded = (ratio: number): number => Number(ratio.toPrecision(3))
