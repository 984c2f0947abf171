import path from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { ImageryError } from '../../contracts/errors.ts'
import type { TokenPrice } from '../../contracts/prices.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { ModelChoice } from '../options/model-choice.ts'
import { fileWithPrice } from '../options/price-file.ts'
import type { RunOptions } from '../options/run-options.ts'
import type { EarlierRun } from './earlier-run.ts'

/** The options of a run before `--update` filled in what they leave out. */
export interface GivenOptions extends Omit<RunOptions, 'table' | 'profile'> {
  table?: string | undefined
  profile?: string | undefined
}

/**
 * Returns the options of a run, with what an update leaves out taken from the earlier run. Without `--table`, that is the
 * table and which of its rows and images are read; without `--profile`, the profile, the model and its settings. So the
 * same run again needs only `--update RUN_ID`. A flag that is set counts more.
 *
 * @param command to suggest: `run` or `estimate`
 * @throws ImageryError INVALID_FLAG if the table or profile is missing and the earlier run does not have it
 */
export function completeOptions(given: GivenOptions, earlier: EarlierRun | undefined, command: string): RunOptions {
  const { table, profile, ...rest } = given
  if (table !== undefined && profile !== undefined) return { ...rest, table, profile }
  const missing = [profile === undefined ? '--profile' : '', table === undefined ? '--table' : ''].filter(Boolean)
  if (!earlier) throw missingFlags(missing, command)
  const { spec } = earlier
  if (!spec) throw unknownTo(earlier, missing, command)
  const asked = profile ?? spec.profile_given
  if (asked === null) throw unknownTo(earlier, ['--profile'], command)
  const source = table === undefined ? sourceOf(spec, given) : {}
  const question = profile === undefined ? questionOf(spec) : {}
  const same = { table: table ?? sourceGiven(spec), profile: asked, wait: given.wait }
  return { ...source, ...question, ...withoutUnset(rest), ...same }
}

/** What the user typed for the source. A local path is one of the folder in which it was typed. */
function sourceGiven({ source: { given, loaded, image_folder: folder, file_hash: hash } }: RunSpec): string {
  if (!loaded || folder === null) return given
  const whole = hash === null ? folder : path.join(folder, path.basename(given))
  return path.resolve(given) === whole ? given : whole
}

/** Which rows and images of its table a run read. A new limit or sample replaces both. */
function sourceOf({ source }: RunSpec, { limit, sample }: GivenOptions): Partial<RunOptions> {
  const isChosen = limit !== undefined || sample !== undefined
  return {
    ...(source.where === null ? {} : { where: source.where }),
    ...(source.asset_column === null ? {} : { assetColumn: source.asset_column }),
    imageColumn: source.image_column,
    ...(source.keep ? { keep: source.keep.map(({ name }) => name).join(',') } : {}),
    ...(source.image_roots ? { imageRoots: source.image_roots } : {}),
    ...(source.fetch_images ? { fetchImages: true } : {}),
    ...(isChosen || source.limit === null ? {} : { limit: source.limit }),
    ...(isChosen || source.sample === null ? {} : { sample: source.sample }),
  }
}

/** What a run asked, and which model. */
function questionOf({ unit, images, gemini }: RunSpec): Partial<RunOptions> {
  return {
    unit,
    pick: images.pick,
    ...(images.pick === 'all' ? {} : { imagesPerUnit: images.max_per_unit }),
    ...(gemini === null
      ? {}
      : {
          model: gemini.model,
          location: gemini.location,
          tier: gemini.tier,
          imageTransport: gemini.image_transport,
          ...(gemini.media_resolution === null ? {} : { mediaResolution: gemini.media_resolution }),
          ...(gemini.endpoint === null ? {} : { geminiEndpoint: gemini.endpoint }),
        }),
  }
}

/**
 * Returns what a user must know if an update counts its cost at other prices than the earlier run, whose price file it does
 * not have.
 */
export function priceWarnings(
  { gemini, prices }: Pick<ModelChoice, 'gemini' | 'prices'>,
  earlier: EarlierRun | undefined,
): string[] {
  const before = earlier?.spec?.gemini
  if (!gemini || before?.model !== gemini.model || fileWithPrice(prices, gemini.model)) return []
  if (isDeepStrictEqual(before.price, gemini.price)) return []
  const text = ({ input_nanousd: input, output_nanousd: output }: TokenPrice): string =>
    `$${input / 1_000} per million input tokens and $${output / 1_000} per million output tokens`
  return [
    `Run ${earlier?.runId} counted ${text(before.price)} of ${gemini.model}, and this one counts ${text(gemini.price)}; --prices FILE sets other prices`,
  ]
}

function withoutUnset<Options extends object>(options: Options): Partial<Options> {
  const set = Object.entries(options).filter(([, value]) => value !== undefined && value !== false)
  return Object.fromEntries(set) as Partial<Options>
}

function missingFlags(flags: readonly string[], command: string): ImageryError {
  return new ImageryError('INVALID_FLAG', flags.map((flag) => `Missing required flag ${flag}`).join('; '), {
    suggestions: [
      `imagery ${command} --help`,
      `imagery ${command} --update RUN_ID   (takes the table and profile of that run)`,
    ],
  })
}

function unknownTo({ runId }: EarlierRun, flags: readonly string[], command: string): ImageryError {
  return new ImageryError(
    'INVALID_FLAG',
    `--update ${runId} needs ${flags.join(' and ')}, because the record of that run is not in this deployment`,
    { suggestions: [`imagery ${command} --update ${runId} --table TABLE --profile PROFILE`] },
  )
}
