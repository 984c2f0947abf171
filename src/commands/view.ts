import path from 'node:path'
import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import type { Step } from '../contracts/steps.ts'
import type { OpenedRun } from '../services/view/open-run.ts'
import type { Viewing } from '../services/view/viewing.ts'
import { showSteps } from '../ui/steps.ts'

export default class View extends CloudCommand {
  static override summary = "Show a run's results in the browser"

  static override description =
    'Reads the rows of a run into a local file and serves them, with their images, to a browser on this machine. Works for runs in progress, too. Press Ctrl-C to end it.'

  static override examples = [
    { description: 'The newest run', command: '<%= config.bin %> <%= command.id %> --local' },
    {
      description: 'On another machine, through an SSH tunnel: open the printed address',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --no-open --port 8123',
    },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix (default: the newest run)' }),
  }

  static override flags = {
    open: Flags.boolean({ summary: 'open the browser', default: true, allowNo: true }),
    port: Flags.integer({
      summary: 'port to listen on (default: a free one)',
      min: 1,
      max: 65_535,
      helpValue: 'PORT',
    }),
  }

  #isPrinted = false

  async run(): Promise<{ run_id: string; url: string; rows: number }> {
    const { args, flags } = await this.parse(View)
    const { signal } = this
    const { target, store } = await this.session(flags)
    const [{ openRun }, { viewRun }, { startViewServer }, { openBrowser }] = await Promise.all([
      import('../services/view/open-run.ts'),
      import('../services/view/viewing.ts'),
      import('../services/view/server.ts'),
      import('../services/view/browser.ts'),
    ])
    const context: { opened?: OpenedRun; viewing?: Viewing } = {}
    const steps: Step<typeof context>[] = [
      {
        title: 'Find the run',
        async run(shared) {
          shared.opened = await openRun(target, store, args.run_id)
          return { done: shared.opened.runId }
        },
      },
      {
        title: 'Read the rows',
        run: async (shared, reporter) => {
          shared.viewing = await viewRun(shared.opened!, {
            target,
            folder: path.join(this.config.cacheDir, 'view'),
            signal,
            detail: (text) => reporter.detail(text),
          })
          return { done: `${shared.viewing.rows.toLocaleString('en')} rows` }
        },
      },
    ]
    try {
      await showSteps(steps, context, this.progress)
      const viewing = context.viewing!
      const server = await startViewServer({
        viewed: viewing,
        folder: path.join(this.config.root, 'dist', 'viewer'),
        port: flags.port,
      })
      const document = { run_id: context.opened!.runId, url: server.url, rows: viewing.rows }
      try {
        if (this.jsonEnabled()) this.#print(document)
        else this.log(`\nOpen ${server.url}\n\nCtrl-C ends it.`)
        if (flags.open && !(await openBrowser(server.launchUrl)))
          this.warn('the browser could not be started; open the address above')
        await ended(signal)
      } finally {
        await server.close()
      }
      return document
    } finally {
      await context.viewing?.close()
    }
  }

  /** The document comes first, because the command does not end by itself. */
  #print(document: object): void {
    super.logJson(this.toSuccessJson(document))
    this.#isPrinted = true
  }

  protected override logJson(json: unknown): void {
    if (!this.#isPrinted) super.logJson(json)
  }
}

/** Resolves at the first Ctrl-C. */
async function ended(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}
