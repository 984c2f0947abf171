import type { FailureLimit } from '../contracts/run-controls.ts'
import { Flags } from '@oclif/core'
import { ImageryError } from '../contracts/errors.ts'
import { IMAGE_TRANSPORTS, MAX_IMAGES_PER_REQUEST, PICKS, TIERS, UNITS } from '../contracts/model-options.ts'
import { ASK_ABOVE_USD } from '../services/run/spending.ts'
import type { GivenOptions } from '../services/run/same-as-before.ts'
import { DEFAULT_CONCURRENCY, MAX_CONCURRENCY, type RunOptions } from '../services/options/run-options.ts'
import { maxFailures, usd } from './limit-flags.ts'
import { modelFlags } from './model-flags.ts'

/** Flags that decide what a run asks, and what it costs. */
export const runFlags = {
  table: Flags.string({
    summary:
      'BigQuery table (project.dataset.table), local CSV, JSONL or Parquet file, or folder of images (required without --update)',
    char: 't',
    env: 'IMAGERY_TABLE',
    helpValue: 'TABLE',
  }),
  profile: Flags.string({
    summary: 'built-in profile or YAML file, see imagery profiles list (required without --update)',
    char: 'p',
    env: 'IMAGERY_PROFILE',
    helpValue: 'PROFILE',
  }),
  where: Flags.string({ summary: "GoogleSQL condition on the table's columns", helpValue: 'SQL' }),
  'asset-column': Flags.string({ summary: 'column with the asset ID', helpValue: 'COLUMN' }),
  'image-column': Flags.string({ summary: 'column with the image URI', helpValue: 'COLUMN' }),
  keep: Flags.string({
    summary: "columns of the table that the results have too, from the row of each asset's newest image",
    helpValue: 'COLUMN,…',
  }),
  'image-root': Flags.string({
    summary: "another folder that a local table's images can be read from; repeatable",
    multiple: true,
    multipleNonGreedy: true,
    helpValue: 'FOLDER',
  }),
  'fetch-images': Flags.boolean({
    summary: 'fetch images at https addresses, with --local and a local table',
  }),
  unit: Flags.option({
    options: UNITS,
    summary: 'write one row per asset, from all its images, or one row per observation',
  })(),
  'images-per-unit': Flags.integer({
    summary: 'maximum number of images per unit',
    min: 1,
    max: MAX_IMAGES_PER_REQUEST,
    helpValue: 'N',
  }),
  pick: Flags.option({ options: PICKS, summary: 'which images to use, by capture_time' })(),
  ...modelFlags,
  location: Flags.string({
    summary: 'Vertex AI location (default: global)',
    helpGroup: 'GEMINI',
    helpValue: 'LOCATION',
  }),
  tier: Flags.option({
    options: TIERS,
    summary: 'standard, or flex: half the price, but answers can take up to 30 minutes',
    helpGroup: 'GEMINI',
  })(),
  'max-cost': usd('max-cost', { min: 'positive' })({
    summary:
      'most that the calls may cost, in US dollars: a run whose estimate is above it does not start, and a run that reaches it stops',
    helpGroup: 'LIMITS',
    helpValue: 'USD',
  }),
  'max-failures': maxFailures({
    summary:
      'stop when N assets in a row fail alike, or N% of the assets of the run, or the first 10 of all; none sets no limit (default with a Gemini model and at least 100 assets: one for each 100, but from 20 to 100)',
    helpGroup: 'LIMITS',
    helpValue: 'N|N%',
  }),
  'image-transport': Flags.option({
    options: IMAGE_TRANSPORTS,
    summary:
      "gs: Gemini reads the images; inline: the runtime reads and sends them, if only the runtime's account has access",
    helpGroup: 'GEMINI',
  })(),
  'gemini-endpoint': Flags.string({
    summary: 'base URL of a proxy or stand-in for Vertex AI',
    helpGroup: 'GEMINI',
    helpValue: 'URL',
  }),
  concurrency: Flags.integer({
    summary: `concurrent model calls (default: ${DEFAULT_CONCURRENCY})`,
    helpGroup: 'GEMINI',
    min: 1,
    max: MAX_CONCURRENCY,
    helpValue: 'N',
  }),
  update: Flags.string({
    summary:
      'carry the answers of an earlier run over, and ask only about what is new or changed; --table and --profile default to those of that run',
    exclusive: ['reuse'],
    helpGroup: 'EARLIER ANSWERS',
    helpValue: 'RUN_ID|TABLE',
  }),
  reuse: Flags.boolean({
    summary: 'carry over the answers of all earlier runs of the profile that are in the dataset of the results',
    helpGroup: 'EARLIER ANSWERS',
  }),
  'trust-addresses': Flags.boolean({
    summary: 'take an image at the same gs:// address as unchanged, without looking at it',
    helpGroup: 'EARLIER ANSWERS',
  }),
  'max-attempts': Flags.integer({ summary: 'attempts per unit', min: 1, max: 100, hidden: true, helpValue: 'N' }),
  'attempt-timeout': Flags.integer({
    summary: 'seconds per attempt',
    min: 1,
    max: 1_740,
    hidden: true,
    helpValue: 'SECONDS',
  }),
}

/** Flags that answer a command's question whether it may spend money. */
export const consentFlags = {
  yes: Flags.boolean({ summary: 'do not ask before spending money', char: 'y' }),
  'ask-above': usd('ask-above', { min: 'zero' })({
    summary: `ask before a run whose estimate is above this many US dollars, unless --max-cost or --yes is set (default: ${ASK_ABOVE_USD})`,
    env: 'IMAGERY_ASK_ABOVE',
    helpGroup: 'LIMITS',
    helpValue: 'USD',
  }),
}

/** The values of `runFlags`, as oclif parses them. */
interface RunFlags extends Pick<
  RunOptions,
  'where' | 'keep' | 'limit' | 'unit' | 'pick' | 'model' | 'location' | 'tier' | 'prices' | 'concurrency'
> {
  table: string | undefined
  profile: string | undefined
  update: string | undefined
  reuse: boolean
  'trust-addresses': boolean
  local?: boolean
  sample?: number | undefined
  seed?: string | undefined
  output?: string | undefined
  notify?: string | undefined
  'asset-column': string | undefined
  'image-column': string | undefined
  'image-root': string[] | undefined
  'fetch-images': boolean
  'images-per-unit': number | undefined
  'media-resolution': RunOptions['mediaResolution']
  'image-transport': RunOptions['imageTransport']
  'gemini-endpoint': string | undefined
  'attempt-timeout': number | undefined
  'max-attempts': number | undefined
  'max-cost': number | undefined
  'max-failures'?: FailureLimit | undefined
  yes?: boolean
  'ask-above'?: number | undefined
}

/** Returns the options of a run from its flags. */
export function runOptions(flags: RunFlags, wait: boolean): GivenOptions {
  if (flags['trust-addresses'] && flags.update === undefined && !flags.reuse) {
    throw new ImageryError('INVALID_FLAG', '--trust-addresses works only with --update or --reuse', {
      suggestions: ['Run the same command without --trust-addresses'],
    })
  }
  return {
    ...flags,
    wait,
    assetColumn: flags['asset-column'],
    imageColumn: flags['image-column'],
    imageRoots: flags['image-root'],
    fetchImages: flags['fetch-images'],
    imagesPerUnit: flags['images-per-unit'],
    mediaResolution: flags['media-resolution'],
    imageTransport: flags['image-transport'],
    geminiEndpoint: flags['gemini-endpoint'],
    attemptTimeoutSeconds: flags['attempt-timeout'],
    maxAttempts: flags['max-attempts'],
    maxCost: flags['max-cost'],
    maxFailures: flags['max-failures'],
    askAbove: flags['ask-above'],
    trustAddresses: flags['trust-addresses'],
  }
}
