import { styleText } from 'node:util'
import { plainLine } from './plain-text.ts'
import { formatTable } from './table.ts'
import { countText } from '../contracts/count-text.ts'

interface Usd {
  input: number
  output: number
}

/** A model as `imagery models --json` has it. */
interface Model {
  model: string
  is_default: boolean
  state: 'served' | 'retired' | 'unknown'
  tiers: readonly string[]
  price: {
    from: 'imagery' | 'file'
    dated: string
    usd_per_million_tokens: { standard?: Usd; flex?: Usd }
  } | null
  thinking: readonly string[] | null
  temperature: 'adjustable' | 'fixed' | null
  image_tokens: { low: number; medium: number; high: number }
  retirement: { day: string; is_fixed: boolean; successor: string | null; price_ratio: Usd | null } | null
}

interface Models {
  default: string
  dated: string
  prices: { dated: string; file: { path: string; dated: string } | null }
  models: readonly Model[]
  sources: Readonly<Record<string, string>>
}

const usd = (value: number): string => `$${value < 0.1 ? value : value.toFixed(2)}`

/** Formats the list of models: served ones, then retired ones with what replaces them. */
export function formatModels({ dated, prices, models, default: main }: Models, width: number): string {
  const served = models.filter(({ state }) => state !== 'retired')
  const retired = models.filter(({ state }) => state === 'retired')
  const header = ['MODEL', 'INPUT', 'OUTPUT', 'FLEX', 'THINKING', 'IMAGE', 'RETIRES']
  const notes = [
    `The default is ${main}. INPUT and OUTPUT are USD per million`,
    'tokens, THINKING is the lowest level, IMAGE is tokens per image, + means later.',
    `Prices are of ${prices.dated}, everything else of ${dated}.`,
    ...(prices.file ? [`* is a price of ${prices.file.path}, dated ${prices.file.dated}.`] : []),
  ]
  return [
    formatTable(header, served.map(servedRow), width, header),
    '',
    formatTable(['RETIRED', 'ON', 'SUCCESSOR', 'PRICE PER TOKEN'], retired.map(retiredRow), width, [
      'RETIRED',
      'SUCCESSOR',
    ]),
    '',
    ...notes.map(plainLine),
  ].join('\n')
}

function servedRow({ model, price, tiers, thinking, image_tokens: image, retirement }: Model): string[] {
  const { standard, flex } = price?.usd_per_million_tokens ?? {}
  const mark = price?.from === 'file' ? '*' : ''
  const discount =
    standard && flex && standard.output > 0 ? `-${Math.round((1 - flex.output / standard.output) * 100)}%` : 'yes'
  return [
    model,
    standard ? `${usd(standard.input)}${mark}` : '?',
    standard ? `${usd(standard.output)}${mark}` : '?',
    tiers.includes('flex') ? discount : 'no',
    thinking?.[0] ?? '?',
    [...new Set([image.low, image.high])].map((each) => countText(each)).join('-'),
    retirement ? `${retirement.day}${retirement.is_fixed ? '' : '+'}` : '',
  ]
}

function retiredRow({ model, retirement }: Model): string[] {
  return [model, retirement?.day ?? '', retirement?.successor ?? '', ratioText(retirement?.price_ratio ?? null)]
}

function ratioText(ratio: Usd | null): string {
  if (ratio === null) return 'unknown'
  const { input, output } = ratio
  if (input === 1 && output === 1) return 'the same'
  return input === output ? `${input}x` : `${input}x in, ${output}x out`
}

/** Formats one model with the source of each figure. */
export function formatModel({ sources, prices, dated }: Models, model: Model): string {
  const { price, thinking, image_tokens: image, retirement } = model
  const state = model.is_default ? 'the default' : model.state === 'unknown' ? 'not in the built-in table' : model.state
  const tierText = (tier: 'standard' | 'flex'): string => {
    const of = price?.usd_per_million_tokens[tier]
    if (!model.tiers.includes(tier)) return 'no such tier'
    return of ? `${usd(of.input)} input, ${usd(of.output)} output per million tokens` : 'unknown'
  }
  const from =
    price === null
      ? model.state === 'retired'
        ? 'none, and a run refuses this model'
        : 'a run needs --prices FILE'
      : price.from === 'file'
        ? `${prices.file?.path ?? ''}, dated ${price.dated}`
        : `built in, dated ${price.dated}`
  const facts: [string, string, (string | undefined)?][] = [
    ['Standard', tierText('standard'), price?.from === 'file' ? undefined : sources['price']],
    ['Flex', tierText('flex'), sources['flex']],
    ['Prices', from],
    ['Thinking', thinking?.join(', ') ?? 'unknown', sources['thinking']],
    [
      'Images',
      `${countText(image.low)} (low), ${countText(image.medium)} (medium), ${countText(image.high)} (high) tokens each`,
      sources['image_tokens'],
    ],
    ['Temperature', model.temperature ?? 'unknown', sources['temperature']],
    ['Retirement', retirement ? retirementText(model.state, retirement) : 'not announced', sources['retirement']],
  ]
  return [
    `${styleText('bold', plainLine(model.model))}  ${state}`,
    '',
    ...facts.flatMap(([name, value, source]) => [
      `  ${name.padEnd(13)}${plainLine(value)}`,
      ...(source === undefined ? [] : [styleText('gray', `               ${source}`)]),
    ]),
    '',
    `Everything but the prices is of ${dated}.`,
  ].join('\n')
}

function retirementText(
  state: Model['state'],
  { day, is_fixed: isFixed, successor, price_ratio: ratio }: NonNullable<Model['retirement']>,
): string {
  const when = state === 'retired' ? `retired on ${day}` : isFixed ? `on ${day}` : `not before ${day}`
  if (successor === null) return when
  return `${when}; use ${successor}${ratio === null ? '' : ` (price per token: ${ratioText(ratio)})`}`
}
