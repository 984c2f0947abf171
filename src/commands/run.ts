import { Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { ImageryError } from '../contracts/errors.ts'
import { IMAGE_TRANSPORTS, MAX_IMAGES_PER_REQUEST, PICKS, TIERS, UNITS } from '../contracts/model-options.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { modelFlags } from '../cli/model-flags.ts'
import { builtRuntime } from '../services/deploy/deploy.ts'
import { DEFAULT_CONCURRENCY, MAX_CONCURRENCY } from '../services/options/run-options.ts'
import { checkRunOptions, newRunContext, type RunContext } from '../services/run/context.ts'
import { errorForEarlyEnd, finishedReport } from '../services/run/early-end.ts'
import { runSteps } from '../services/run/start.ts'
import type { Finished } from '../services/run/steps.ts'
import { formatReport } from '../ui/report.ts'
import { showPipeline } from '../ui/steps.ts'

/** An amount in US dollars, such as 25 or 0.5. */
const usd = Flags.custom<number>({
  parse(input) {
    const amount = /^\d+(?:\.\d+)?$/.test(input) ? Number(input) : Number.NaN
    if (amount > 0) return Promise.resolve(amount)
    throw new ImageryError('INVALID_FLAG', `--max-cost ${input} is not an amount in US dollars`, {
      suggestions: ['--max-cost 25'],
    })
  },
})

export default class Run extends CloudCommand {
  static override summary = 'Run a profile over every asset in a table'

  static override description = `Reads the table once into a snapshot, processes the assets in the background, and waits until every asset has a row. The results are a new BigQuery table; the source never changes.

Exits with 0 when every asset succeeded, 3 when some failed (their rows give the reason), and 1 or 2 when the command itself failed.`

  static override examples = [
    {
      description: 'A table in a local file, without an account',
      command:
        '<%= config.bin %> <%= command.id %> --local --table samples/street-signs/observations.jsonl --profile image-quality',
    },
    {
      description: 'A folder of photos: one asset per photo or per subfolder',
      command: '<%= config.bin %> <%= command.id %> --local --table ./photos --profile resolution',
    },
    {
      description: 'A local table whose images are in another folder',
      command:
        '<%= config.bin %> <%= command.id %> --local --table signs.csv --image-root /mnt/photos --profile resolution',
    },
    {
      description: 'A Gemini profile, with recorded answers',
      command:
        '<%= config.bin %> <%= command.id %> --local --table observations.jsonl --profile road-signs --gemini replay:answers.jsonl',
    },
    {
      description: 'An even sample of the assets that match a condition',
      command:
        '<%= config.bin %> <%= command.id %> --local --table observations.parquet --profile image-quality --where "asset_type = \'ASSET_CLASS_UTILITY_POLE\'" --sample 100',
    },
  ]

  static override flags = {
    table: Flags.string({
      summary: 'BigQuery table (project.dataset.table), local CSV, JSONL or Parquet file, or folder of images',
      required: true,
      char: 't',
      env: 'IMAGERY_TABLE',
      helpValue: 'TABLE',
    }),
    profile: Flags.string({
      summary: 'built-in profile or YAML file (see imagery profiles list)',
      required: true,
      char: 'p',
      env: 'IMAGERY_PROFILE',
      helpValue: 'PROFILE',
    }),
    where: Flags.string({ summary: "GoogleSQL condition on the table's columns", helpValue: 'SQL' }),
    limit: Flags.integer({
      summary: 'process only the first N assets, by ID',
      min: 1,
      exclusive: ['sample'],
      helpValue: 'N',
    }),
    sample: Flags.integer({ summary: 'process an even sample of N assets', min: 1, helpValue: 'N' }),
    'asset-column': Flags.string({ summary: 'column with the asset ID', helpValue: 'COLUMN' }),
    'image-column': Flags.string({ summary: 'column with the image URI', helpValue: 'COLUMN' }),
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
    'max-cost': usd({
      summary: 'stop before the first model call if the estimated cost exceeds this many US dollars',
      helpGroup: 'GEMINI',
      helpValue: 'USD',
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
    'max-attempts': Flags.integer({ summary: 'attempts per unit', min: 1, max: 100, hidden: true, helpValue: 'N' }),
    'attempt-timeout': Flags.integer({
      summary: 'seconds per attempt',
      min: 1,
      max: 1_740,
      hidden: true,
      helpValue: 'SECONDS',
    }),
    output: Flags.string({
      summary: 'dataset or table for the results: DATASET or DATASET.TABLE',
      char: 'o',
      helpValue: 'NAME',
    }),
    wait: Flags.boolean({ summary: 'wait until every asset is done', default: true, allowNo: true }),
  }

  async run(): Promise<RunReport> {
    const { flags } = await this.parse(Run)
    const options = {
      ...flags,
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
    }
    const checked = await checkRunOptions(options)
    const runtimeFolder = await builtRuntime(this.config.root)
    const session = await this.session(flags, checked.choice.gemini)
    if (!flags.wait) session.requirePersistentCloud()
    const context = newRunContext(checked, { ...session, runtimeFolder, signal: this.signal })
    const report = await finishedReport(await this.#work(context, flags))
    this.conclude(report)
    if (!this.jsonEnabled()) this.show(`\n${formatReport(report, { flags: this.cloudFlags, width: this.width })}`)
    return report
  }

  /** Rolls back a run that fails before any asset was processed. A later failure leaves the run in place. */
  async #work(context: RunContext, flags: { wait: boolean }): Promise<Finished> {
    try {
      return await showPipeline(runSteps(context, flags), this.progress, this.signal)
    } catch (error) {
      throw await errorForEarlyEnd(error, context)
    } finally {
      for (const warning of context.warnings) this.warn(warning)
    }
  }
}
