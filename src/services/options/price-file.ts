import { parse } from 'yaml'
import { ImageryError } from '../../contracts/errors.ts'
import { readTextFile } from '../../contracts/text-file.ts'
import { nearModel } from './model-check.ts'
import { LIST_PRICES, modelPrice, priceList, type PriceList, type TokenPrice } from '../../contracts/prices.ts'

/** The prices that a command uses. */
export interface Prices {
  /** The built-in list, overridden by the user's file. */
  list: PriceList
  /** Only the prices of the user's file. */
  own: (PriceList & { path: string }) | undefined
}

/**
 * Returns the prices to use. A user's file (YAML or JSON, in the format of `LIST_PRICES`) overrides the built-in list,
 * model by model. Call this once in a command, because the file can be a pipe.
 *
 * @throws ImageryError FILE_NOT_FOUND, INVALID_CONFIGURATION
 */
export function pricesFrom(file: string | undefined): Prices {
  if (file === undefined) return { list: LIST_PRICES, own: undefined }
  const own = readPriceFile(file)
  return {
    list: { dated: own.dated, models: { ...LIST_PRICES.models, ...own.models } },
    own: { path: file, ...own },
  }
}

/** Returns the user's file if a model's price is from there. */
export function fileWithPrice({ own }: Prices, model: string): Prices['own'] {
  return own !== undefined && modelPrice(own, model) !== undefined ? own : undefined
}

/** @throws ImageryError FILE_NOT_FOUND, INVALID_CONFIGURATION */
function readPriceFile(file: string): PriceList {
  let content: unknown
  try {
    content = parse(readTextFile(file, { pipes: true }))
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT'
    throw new ImageryError(
      isMissing ? 'FILE_NOT_FOUND' : 'INVALID_CONFIGURATION',
      `The price file ${file} cannot be read: ${(error as Error).message}`,
      {
        cause: error,
      },
    )
  }
  const parsed = priceList.safeParse(content)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) => `${file}: ${path.join('.')}: ${message}`)
  throw new ImageryError('INVALID_CONFIGURATION', faults.join('\n'), { suggestions: [EXAMPLE] })
}

const EXAMPLE =
  'A price file looks like {dated: 2026-11-23, models: {gemini-3.5-flash-lite: {input: 0.30, output: 2.50}}}, in USD per million tokens'

/** @throws ImageryError INVALID_FLAG for a model without a known price */
export function priceOf(model: string, list: PriceList): TokenPrice {
  const price = modelPrice(list, model)
  if (price) return price
  const near = nearModel(model, list)
  const meant = near === undefined ? '' : `${model} is not a model that imagery knows. ${near.question} `
  throw new ImageryError(
    'INVALID_FLAG',
    `${meant}The price list of ${list.dated} has no price for ${model}, and imagery does not call a model whose cost it cannot count`,
    {
      suggestions: [
        ...(near === undefined ? [] : [`--model ${near.instead}`]),
        'imagery models',
        '--prices FILE   (a price list that has this model)',
        EXAMPLE,
      ],
    },
  )
}
