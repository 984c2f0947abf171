import { parse } from 'yaml'
import { ImageryError } from '../../contracts/errors.ts'
import { readTextFile } from '../../contracts/text-file.ts'
import { LIST_PRICES, modelPrice, priceList, type PriceList, type TokenPrice } from '../../contracts/prices.ts'

/**
 * The price list in force: a user's file (YAML or JSON, in the form of `LIST_PRICES`) goes before
 * the one that imagery ships, model by model.
 *
 * @throws ImageryError FILE_NOT_FOUND, INVALID_CONFIGURATION
 */
export function pricesFrom(file: string | undefined): PriceList {
  if (file === undefined) return LIST_PRICES
  const own = ownPrices(file)
  return { dated: own.dated, models: { ...LIST_PRICES.models, ...own.models } }
}

function ownPrices(file: string): PriceList {
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

/** @throws ImageryError INVALID_FLAG for a model whose cost nobody could tell */
export function priceOf(model: string, file: string | undefined): TokenPrice {
  const list = pricesFrom(file)
  const price = modelPrice(list, model)
  if (price) return price
  throw new ImageryError(
    'INVALID_FLAG',
    `There is no price for ${model} in the list of ${list.dated}, which has ${Object.keys(list.models).join(', ')}: nothing is spent that cannot be counted`,
    { suggestions: ['--prices FILE with the price of this model', EXAMPLE] },
  )
}
