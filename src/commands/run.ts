import { Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { EXIT_CODES, ImageryError } from '../contracts/errors.ts'
import { IMAGE_TRANSPORTS, MAX_IMAGES, PICKS, TIERS, UNITS } from '../contracts/model-options.ts'
import type { RunReport } from '../contracts/run-report.ts'
import { modelFlags } from '../cli/model-flags.ts'
import { builtRuntime } from '../services/deploy/deploy.ts'
import { DEFAULT_CONCURRENCY, MAX_CONCURRENCY } from '../services/options/run-options.ts'
import {
  checkRunOptions,
  endedEarly,
  finishedReport,
  newRunContext,
  runSteps,
  type RunContext,
} from '../services/run/run.ts'
import { formatReport } from '../ui/report.ts'
import { showSteps } from '../ui/steps.ts'

/** An amount in US dollars, such as 25 or 0.5. */
const usd = Flags.custom<number>({
  parse(input) {
    const amount = /^\d+(?:\.\d+)?$/.test(input) ? Number(input) : Number.NaN
    if (amount > 0) return Promise.resolve(amount)
    throw new ImageryError('INVALID_FLAG', `--max-cost ${input}: write an amount in US dollars`, {
      suggestions: ['--max-cost 25'],
    })
  },
})

export default class Run extends CloudCommand {
  static override summary = 'Ask a profile of every asset of a table, one typed row per asset'

  static override description = `Reads the table once into a snapshot, then works on one asset after another in the background and waits for the last row. The results are a new BigQuery table; the source is never changed.

Exits with 0 when every asset has its answer, 3 when some failed (they are named, with the reason in their row), 1 or 2 when nothing was run.`

  static override examples = [
    {
      description: 'A table in a file, on this machine, with no account',
      command:
        '<%= config.bin %> <%= command.id %> --local --table samples/street-signs/observations.jsonl --profile image-quality',
    },
    {
      description: 'A folder of photos: one asset per photo, or per subfolder',
      command: '<%= config.bin %> <%= command.id %> --local --table ./photos --profile resolution',
    },
    {
      description: 'A table whose images lie elsewhere on this machine',
      command:
        '<%= config.bin %> <%= command.id %> --local --table signs.csv --image-root /mnt/photos --profile resolution',
    },
    {
      description: 'A Gemini model, its answers recorded before',
      command:
        '<%= config.bin %> <%= command.id %> --local --table observations.jsonl --profile road-signs --gemini replay:answers.jsonl',
    },
    {
      description: 'Some of the assets of a table, drawn evenly',
      command:
        '<%= config.bin %> <%= command.id %> --local --table observations.parquet --profile image-quality --where "asset_type = \'ASSET_CLASS_UTILITY_POLE\'" --sample 100',
    },
  ]

  static override flags = {
    table: Flags.string({
      summary: 'project.dataset.table, or a local CSV, JSONL or Parquet file or a folder of images',
      required: true,
      char: 't',
      env: 'IMAGERY_TABLE',
      helpValue: 'TABLE',
    }),
    profile: Flags.string({
      summary: 'what to ask: a built-in profile or a YAML file (see imagery profiles list)',
      required: true,
      char: 'p',
      env: 'IMAGERY_PROFILE',
      helpValue: 'PROFILE',
    }),
    where: Flags.string({ summary: "condition on the table's columns, in GoogleSQL", helpValue: 'SQL' }),
    limit: Flags.integer({ summary: 'the first so many assets by id', min: 1, exclusive: ['sample'], helpValue: 'N' }),
    sample: Flags.integer({ summary: 'so many assets, drawn evenly over the table', min: 1, helpValue: 'N' }),
    'asset-column': Flags.string({ summary: 'column that holds the asset id', helpValue: 'COLUMN' }),
    'image-column': Flags.string({ summary: 'column that holds the image URI', helpValue: 'COLUMN' }),
    'image-root': Flags.string({
      summary: "folder that images of a local table may be read from, beside the table's own; repeatable",
      multiple: true,
      multipleNonGreedy: true,
      helpValue: 'FOLDER',
    }),
    unit: Flags.option({ options: UNITS, summary: 'one row per asset with all its images, or one per observation' })(),
    'images-per-unit': Flags.integer({
      summary: 'the most images of a unit that are looked at',
      min: 1,
      max: MAX_IMAGES,
      helpValue: 'N',
    }),
    pick: Flags.option({ options: PICKS, summary: 'which of them, by capture_time' })(),
    ...modelFlags,
    location: Flags.string({
      summary: 'location of Vertex AI that answers (default: global)',
      helpGroup: 'GEMINI',
      helpValue: 'LOCATION',
    }),
    tier: Flags.option({
      options: TIERS,
      summary: 'standard, or flex: half the price, answers may take up to 30 minutes',
      helpGroup: 'GEMINI',
    })(),
    'max-cost': usd({
      summary: 'stop before a model is asked when the estimate of the cost is above this many US dollars',
      helpGroup: 'GEMINI',
      helpValue: 'USD',
    }),
    'image-transport': Flags.option({
      options: IMAGE_TRANSPORTS,
      summary: 'gs: Gemini reads the images; inline: the runtime reads and sends them, when only its account may',
      helpGroup: 'GEMINI',
    })(),
    'gemini-endpoint': Flags.string({
      summary: 'base URL of a proxy or stand-in for Vertex AI',
      helpGroup: 'GEMINI',
      helpValue: 'URL',
    }),
    concurrency: Flags.integer({
      summary: `calls to the model at once (default: ${DEFAULT_CONCURRENCY})`,
      helpGroup: 'GEMINI',
      min: 1,
      max: MAX_CONCURRENCY,
      helpValue: 'N',
    }),
    'max-attempts': Flags.integer({ summary: 'tries of one unit', min: 1, max: 100, hidden: true, helpValue: 'N' }),
    'attempt-timeout': Flags.integer({
      summary: 'seconds for one try of one unit',
      min: 1,
      max: 1_740,
      hidden: true,
      helpValue: 'SECONDS',
    }),
    output: Flags.string({ summary: 'where the results go: DATASET or DATASET.TABLE', char: 'o', helpValue: 'NAME' }),
    wait: Flags.boolean({ summary: 'wait for the last row', default: true, allowNo: true }),
  }

  async run(): Promise<RunReport> {
    const { flags } = await this.parse(Run)
    const options = {
      ...flags,
      assetColumn: flags['asset-column'],
      imageColumn: flags['image-column'],
      imageRoots: flags['image-root'],
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
    await this.#work(context, flags)
    const report = await finishedReport(context)
    if (report.units.failed > 0) process.exitCode = EXIT_CODES.someAssetsFailed
    if (!this.jsonEnabled()) this.show(`\n${formatReport(report, { flags: this.cloudFlags, width: this.width })}`)
    return report
  }

  /** What fails before any asset was worked on is taken back; later, the run stays as it is. */
  async #work(context: RunContext, flags: { wait: boolean }): Promise<void> {
    const local = context.target.kind === 'local'
    const steps = runSteps({
      local,
      stagesImages: context.source.kind !== 'table',
      asksGemini: context.choice.gemini !== null,
      wait: flags.wait,
    })
    try {
      await showSteps(steps, context, this.progress, this.signal)
    } catch (error) {
      throw await endedEarly(error, context)
    } finally {
      for (const warning of context.warnings) this.warn(warning)
    }
  }
}
