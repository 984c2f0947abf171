import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { execa } from 'execa'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import type { RunReport } from '../../src/contracts/run-report.ts'
import type { CallSummary, UnitAccount } from '@imagery/local-cloud/internal/apis/vertex/index'
import { ROOT } from '../cli/imagery-process.ts'
import { startWarmCloud, stopWarmCloud } from '../cli/warm-clouds.ts'
import { IS_COLD, WarmCommands } from '../cli/warm-commands.ts'
import { queryRows } from '../../src/google/bigquery/bigquery.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { rowsIn } from './survived-run.ts'
import { adminCall, findLocalCloud } from '../../src/services/local/cloud.ts'

const PROGRAM = path.join(ROOT, 'bin', 'run.js')

/** What an imagery process did. */
export interface Outcome {
  exitCode?: number | undefined
  stderr: string
  /** The one JSON document on stdout, without its warnings. */
  document: unknown
}

/** The calls to a local cloud's Gemini. */
export interface GeminiCalls {
  summary: CallSummary
  units: UnitAccount[]
}

/** A user of the built command line with a home and a local cloud of their own. */
export class GeminiUser {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'imagery-gemini-'))
  readonly dataDirectory = path.join(this.folder, 'cloud')
  readonly #warm = new WarmCommands(PROGRAM)

  /** Writes a file for the test and returns its path. */
  file(name: string, text: string): string {
    const file = path.join(this.folder, name)
    writeFileSync(file, text)
    return file
  }

  async imagery(...commandLine: string[]): Promise<Outcome> {
    const { exitCode, stdout, stderr } = await this.type(...commandLine, '--json')
    if (stdout === '') return { exitCode, stderr, document: undefined }
    const { warnings: _, ...document } = JSON.parse(stdout) as { warnings: string[] }
    return { exitCode, stderr, document }
  }

  /** Presses Ctrl-C when a run shows `mark`. Returns its ID. */
  async interrupt(run: readonly string[], mark: string): Promise<string> {
    const args = [PROGRAM, ...run, '--data-dir', this.dataDirectory]
    const started = execa(process.execPath, args, this.#process())
    let shown = ''
    started.stderr.on('data', (chunk: Buffer) => {
      const before = shown
      shown += String(chunk)
      if (!before.includes(mark) && shown.includes(mark)) started.kill('SIGINT')
    })
    const { stderr } = await started
    const [, runId] = /Interrupted; run (\S+) is recorded/.exec(stderr) ?? []
    if (runId === undefined) throw new Error(`no run was interrupted: ${stderr}`)
    return runId
  }

  #process() {
    const environment = {
      PATH: process.env['PATH'] ?? '',
      HOME: this.folder,
      XDG_CONFIG_HOME: this.folder,
      XDG_DATA_HOME: this.folder,
      NODE_COMPILE_CACHE: path.join(ROOT, 'node_modules', '.cache', 'compiled'),
      NODE_NO_WARNINGS: '1',
    }
    return { cwd: this.folder, env: environment, extendEnv: false, stdin: 'ignore', reject: false } as const
  }

  /** The same as text. */
  async type(...commandLine: string[]): Promise<{ exitCode?: number | undefined; stdout: string; stderr: string }> {
    const args = [...commandLine, '--data-dir', this.dataDirectory]
    const options = this.#process()
    const environment = options.env
    return (
      this.#warm.run({ args, environment, folder: this.folder }, this.dataDirectory) ??
      execa(process.execPath, [PROGRAM, ...args], options)
    )
  }

  /**
   * Starts a local cloud that runs until `leave`.
   *
   * @param gemini as `--gemini` takes it
   * @param faults the file of the fault rules
   */
  async startCloud(gemini: string, faults?: string): Promise<LocalCloudLocator> {
    if (!IS_COLD) {
      await startWarmCloud(this.dataDirectory, { gemini, ...(faults === undefined ? {} : { faults }) })
      return this.locator()
    }
    const flags = ['--gemini', gemini, ...(faults === undefined ? [] : ['--faults', faults])]
    const { exitCode, document, stderr } = await this.imagery('local', 'start', '--detach', ...flags)
    if (exitCode !== 0) throw new Error(`${JSON.stringify(document)} ${stderr}`)
    return this.locator()
  }

  async locator(): Promise<LocalCloudLocator> {
    const locator = await findLocalCloud(this.dataDirectory)
    if (!locator) throw new Error('no local cloud is running')
    return locator
  }

  /** Runs a profile to its end; rejects unless it exits with `exitCode`. */
  async run(flags: readonly string[], exitCode = 0): Promise<RunReport> {
    const outcome = await this.imagery('run', '--local', ...flags)
    if (outcome.exitCode !== exitCode)
      throw new Error(`exited with ${outcome.exitCode}: ${JSON.stringify(outcome.document)} ${outcome.stderr}`)
    return outcome.document as RunReport
  }

  /** The rows of a run's results. */
  async results<Row>(runId: string): Promise<Row[]> {
    const file = path.join(this.folder, `${runId}.jsonl`)
    const { exitCode, stderr, document } = await this.imagery(
      'results',
      runId,
      '--local',
      '--format',
      'jsonl',
      '-o',
      file,
    )
    if (exitCode !== 0) throw new Error(`${JSON.stringify(document)} ${stderr}`)
    const lines = readFileSync(file, 'utf8').split('\n')
    return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Row)
  }

  async geminiCalls(): Promise<GeminiCalls> {
    return (await adminCall(await this.locator(), 'GET', '/_imagery/gemini')).body as GeminiCalls
  }

  async leave(): Promise<void> {
    await stopWarmCloud(this.dataDirectory)
    await this.imagery('local', 'stop')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/**
 * Rows of a query over one table, `project.dataset.table`, which the statement calls TABLE. A
 * process's clients know only one local cloud: the first one queried here.
 */
export async function queryOf<Row>(locator: LocalCloudLocator, table: string | null, sql: string): Promise<Row[]> {
  useLocalCloud(locator)
  const [projectId = ''] = (table ?? '').split('.')
  return queryRows<Row>(sql.replace('TABLE', rowsIn(table)), { projectId, location: 'US' })
}
