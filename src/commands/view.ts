import path from 'node:path'
import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import type { Step } from '../contracts/steps.ts'
import type { StateStore } from '../services/session/state-store.ts'
import type { Target } from '../services/session/target.ts'
import type { OpenedRun } from '../services/view/open-run.ts'
import type { Viewing } from '../services/view/viewing.ts'
import { showSteps } from '../ui/steps.ts'
import { counted, countText } from '../contracts/count-text.ts'

interface Context {
  opened?: OpenedRun
  viewing?: Viewing
}

export default class View extends CloudCommand {
  static override summary = "Show a run's results in the browser"

  static override description =
    'Reads the rows of a run into a local file and serves them, with their images, to a browser on this machine. Works for runs in progress, too. Press Ctrl-C to end it.'

  static override examples = [
    { description: 'The newest run', command: '<%= config.bin %> <%= command.id %> --local' },
    {
      description: 'Two runs side by side',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --compare 261124-1b --local',
    },
    {
      description: 'On another machine, through an SSH tunnel to the same port: open the printed address',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --no-open --port 8123',
    },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix (default: the newest run)' }),
  }

  static override flags = {
    compare: Flags.string({ summary: 'a second run to compare with', helpValue: 'RUN_ID' }),
    open: Flags.boolean({ summary: 'open the browser', default: true, allowNo: true }),
    'save-reviews': Flags.boolean({
      summary: 'write the marks of the review to the BigQuery table <name>_reviews, beside the results, and end',
      exclusive: ['compare', 'port'],
    }),
    port: Flags.integer({
      summary: 'port to listen on (default: a free one)',
      min: 1,
      max: 65_535,
      helpValue: 'PORT',
    }),
  }

  #isPrinted = false

  async run(): Promise<
    { run_id: string; url: string; rows: number } | { run_id: string; table: string; marks: number }
  > {
    const { args, flags } = await this.parse(View)
    const { signal } = this
    const { target, store } = await this.session(flags)
    if (flags['save-reviews']) return this.#saveReviews({ target, store }, args.run_id)
    if (flags.port !== undefined) await (await import('../services/view/server.ts')).checkPort(flags.port)
    const context: Context = {}
    try {
      await showSteps(
        this.#steps({ target, store }, { runId: args.run_id, compare: flags.compare }),
        context,
        this.progress,
      )
      const { runId } = context.opened!
      return await this.#serve(context.viewing!, { runId, port: flags.port, opens: flags.open, signal })
    } finally {
      await context.viewing?.close()
    }
  }

  async #saveReviews(
    { target, store }: { target: Target; store: StateStore },
    runId: string | undefined,
  ): Promise<{ run_id: string; table: string; marks: number }> {
    const { saveReviewsOf } = await import('../services/judge/save-reviews.ts')
    const saved = await saveReviewsOf(target, store, { runId, configurationFolder: this.config.configDir })
    this.log(`Wrote ${counted(saved.marks, 'mark')} of run ${saved.run_id} to ${saved.table}`)
    return saved
  }

  #steps(
    { target, store }: { target: Target; store: StateStore },
    { runId, compare }: { runId: string | undefined; compare: string | undefined },
  ): Step<Context>[] {
    const { cacheDir: cacheFolder, configDir: configurationFolder } = this.config
    const { signal } = this
    return [
      {
        title: 'Find the run',
        async run(context) {
          const { openRun } = await import('../services/view/open-run.ts')
          context.opened = await openRun(target, store, runId)
          return { done: context.opened.runId }
        },
      },
      {
        title: 'Read the rows',
        async run(context, reporter) {
          const [{ viewRun }, { comparing }, { runChanges }] = await Promise.all([
            import('../services/view/viewing.ts'),
            import('../services/view/comparing.ts'),
            import('../services/view/run-changes.ts'),
          ])
          const opened = context.opened!
          const both = compare === undefined ? undefined : { a: opened.runId, b: compare, signal }
          context.viewing = await viewRun(opened, {
            target,
            cacheFolder,
            configurationFolder,
            changes: opened.spec && runChanges(target, store, opened.spec),
            compare: both && (await comparing(target, store, both)),
            signal,
            detail: (text) => reporter.detail(text),
          })
          return { done: counted(context.viewing.rows, 'row') }
        },
      },
    ]
  }

  /** Serves the run until the first Ctrl-C. */
  async #serve(
    viewing: Viewing,
    { runId, port, opens, signal }: { runId: string; port: number | undefined; opens: boolean; signal: AbortSignal },
  ): Promise<{ run_id: string; url: string; rows: number }> {
    const [{ startViewServer }, { openBrowser }] = await Promise.all([
      import('../services/view/server.ts'),
      import('../services/view/browser.ts'),
    ])
    const folder = path.join(this.config.root, 'dist', 'viewer')
    const server = await startViewServer({ viewed: viewing, folder, port })
    const document = { run_id: runId, url: server.url, rows: viewing.rows }
    try {
      if (this.jsonEnabled()) this.#printFirst(document)
      else this.log(`\nOpen ${server.url}\n${followingText(viewing)}\nCtrl-C ends it.`)
      if (opens && !(await openBrowser(server.launchUrl))) this.#say('The browser could not be started.')
      if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    } finally {
      await server.close()
    }
    return document
  }

  #say(line: string): void {
    if (!this.jsonEnabled()) this.logToStderr(line)
  }

  /** The document comes first, because the command does not end by itself. */
  #printFirst(document: object): void {
    super.logJson(this.toSuccessJson(document))
    this.#isPrinted = true
  }

  protected override logJson(json: unknown): void {
    if (!this.#isPrinted) super.logJson(json)
  }
}

/** Says that the page follows a run in progress, and how often that costs a query. */
function followingText({ following }: Viewing): string {
  if (!following) return ''
  const { everyMs, billedBytes } = following
  const cost = billedBytes > 0 ? `; each reading is a query over ${megabytesText(billedBytes)}` : ''
  return `\nThe run is in progress. New rows are read at most every ${Math.round(everyMs / 1_000)} s${cost}.\n`
}

function megabytesText(bytes: number): string {
  return `${countText(Math.max(1, Math.round(bytes / 1e6)))} MB`
}
