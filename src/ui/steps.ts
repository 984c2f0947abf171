import { styleText } from 'node:util'
import { DefaultRenderer, Listr, ListrLogger, ProcessOutput } from 'listr2'
import type { Pipeline, Step } from '../contracts/steps.ts'
import { LineRenderer } from './line-renderer.ts'
import { plainLine } from './plain-text.ts'

/** How progress is shown: redrawn in place, one line per change, or not at all. */
export type ProgressMode = 'live' | 'lines' | 'silent'

/** Live on a terminal, lines in CI and pipes, silent with `--json`. All progress goes to stderr. */
export function progressMode(options: { json: boolean }, environment = process.env): ProgressMode {
  if (options.json) return 'silent'
  const isTerminal = process.stderr.isTTY && environment['TERM'] !== 'dumb' && !environment['CI']
  return isTerminal ? 'live' : 'lines'
}

/** Shows one line of progress that belongs to no step. */
export function showNote(text: string, mode: ProgressMode): void {
  if (mode !== 'silent')
    process.stderr.write(`${styleText('dim', '·', { stream: process.stderr })} ${plainLine(text)}\n`)
}

/** listr2 draws live only if stdout is a terminal. This one draws on stderr, even if stdout is a pipe. */
class StderrRenderer extends DefaultRenderer {
  static override nonTTY = true
}

/** In line mode, a long step reports its progress this often. */
const LINE_INTERVAL_MS = 10_000

/**
 * Runs steps one after another and shows them. Stops at the first failure and rejects with the
 * original error. Stops before the next step when `signal` is aborted, and rejects with its reason.
 */
export async function showSteps<Context extends object>(
  steps: readonly Step<Context>[],
  context: Context,
  mode: ProgressMode,
  signal?: AbortSignal,
): Promise<void> {
  if (mode === 'silent') {
    for (const step of steps) {
      signal?.throwIfAborted()
      await step.run(context, { detail: () => undefined })
    }
    return
  }
  const logger = new ListrLogger({ processOutput: new ProcessOutput(process.stderr, process.stderr) })
  const tasks = steps.map((step) => ({
    title: plainLine(step.title),
    task: async (_: unknown, task: { title: string; output: string; skip(): void }) => {
      signal?.throwIfAborted()
      const outcome = await step.run(context, {
        detail: mode === 'live' ? liveDetail(step.title, task) : lineDetail(task),
      })
      if (!outcome) return
      if ('skipped' in outcome) {
        task.title = plainLine(`${step.title}: ${outcome.skipped}`)
        task.skip()
      } else if (outcome.done) task.title = plainLine(`${step.title}: ${outcome.done}`)
    },
  }))
  const common = { concurrent: false, exitOnError: true, registerSignalListeners: false } as const
  const list =
    mode === 'live'
      ? new Listr(tasks, {
          ...common,
          renderer: StderrRenderer,
          rendererOptions: {
            logger,
            collapseErrors: false,
            showErrorMessage: false,
            suffixSkips: false,
            collapseSkips: true,
            formatOutput: 'truncate',
          },
        })
      : new Listr(tasks, { ...common, renderer: LineRenderer as never })
  await list.run()
}

/** The same for a pipeline. Returns what its steps added. */
export async function showPipeline<State extends object>(
  pipeline: Pick<Pipeline<State>, 'steps' | 'result'>,
  mode: ProgressMode,
  signal?: AbortSignal,
): Promise<State> {
  await showSteps(pipeline.steps, {}, mode, signal)
  return pipeline.result()
}

function liveDetail(title: string, task: { title: string }): (text: string) => void {
  return (text) => {
    task.title = plainLine(`${title}: ${text}`)
  }
}

function lineDetail(task: { output: string }): (text: string) => void {
  let saidAt = performance.now()
  return (text) => {
    if (performance.now() - saidAt < LINE_INTERVAL_MS) return
    saidAt = performance.now()
    task.output = plainLine(text)
  }
}
