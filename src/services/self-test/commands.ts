import { DEFAULT_GEMINI_MODEL } from '../../contracts/model-options.ts'

/** What one imagery command of a self-test did. */
export interface CommandOutcome {
  /** The command without its program, as a user would type it. */
  command: string
  exit_code: number
  seconds: number
  /** The document that it printed with `--json`; null when it printed none. */
  document: Record<string, unknown> | null
}

/** How a self-test starts imagery: this program, with the flags of the same cloud. */
export interface Launcher {
  /** The program and its first arguments. */
  program: readonly string[]
  /** The flags that choose the cloud and the self-test's own deployment. */
  cloud: readonly string[]
  signal: AbortSignal
}

/**
 * Runs one imagery command as its own process with `--json`, so that the self-test does what a user does and reports what a
 * user would see. An abort sends SIGINT, as Ctrl-C does, and the command then ends in order.
 *
 * @param progress called with each line that the command writes to stderr
 */
export async function runImagery(
  { program, cloud, signal }: Launcher,
  args: readonly string[],
  progress: (line: string) => void = () => undefined,
): Promise<CommandOutcome> {
  const { execa } = await import('execa')
  const startedMs = performance.now()
  const [file = process.execPath, ...first] = program
  const child = execa(file, [...first, ...args, ...cloud, '--json'], {
    reject: false,
    stdin: 'ignore',
    // A Ctrl-C in a terminal reaches the whole process group; the abort signal is then the second one, which would be final.
    detached: true,
    env: { NO_COLOR: '1' },
  })
  const interrupt = (): void => void child.kill('SIGINT')
  signal.addEventListener('abort', interrupt, { once: true })
  if (signal.aborted) interrupt()
  child.stderr?.on('data', (chunk: Buffer) => progress(chunk.toString().trim().split('\n').at(-1) ?? ''))
  try {
    const { stdout, exitCode } = await child
    return {
      command: ['imagery', ...args].join(' '),
      exit_code: exitCode ?? 1,
      seconds: Math.round((performance.now() - startedMs) / 100) / 10,
      document: parsed(stdout),
    }
  } finally {
    signal.removeEventListener('abort', interrupt)
  }
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return null
  }
}

/** The most that the Gemini calls of a self-test can cost, in US dollars. */
export const MAX_COST_USD = 0.05

/** The run that measures pixels, which calls no model. */
export function pixelsRun(sample: string, dataset: string): string[] {
  return ['run', '--table', sample, '--profile', 'image-quality', '--output', dataset]
}

/** The run that asks Gemini about three assets. */
export function geminiRun(sample: string, dataset: string): string[] {
  const asked = ['run', '--table', sample, '--profile', 'utility-pole', '--model', DEFAULT_GEMINI_MODEL]
  return [...asked, '--limit', '3', '--max-cost', String(MAX_COST_USD), '--output', dataset]
}
