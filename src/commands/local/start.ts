import { Flags } from '@oclif/core'
import { LocalCloudCommand } from '../../cli/cloud-command.ts'
import { EXIT_CODES, ImageryError } from '../../contracts/errors.ts'
import { readGeminiFlag } from '../../services/local/gemini-stand-in.ts'
import { alreadyRunning, isFolderFree } from '../../services/local/cloud.ts'
import { EXIT_FOLDER_TAKEN, launchLocalCloud } from '../../services/local/start.ts'
import { waitingNote, type Unfinished } from '../../ui/unfinished.ts'

export default class LocalStart extends LocalCloudCommand {
  static override summary = 'Run a local cloud until you press Ctrl-C'

  static override description =
    'Emulates the Google APIs that imagery uses, on 127.0.0.1. Its state is on disk, so it continues where it stopped. Commands with --local use the running local cloud, or start one for as long as they run.'

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'In the background, until imagery local stop',
      command: '<%= config.bin %> <%= command.id %> --detach',
    },
    {
      description: 'With a scripted Gemini',
      command: '<%= config.bin %> <%= command.id %> --gemini script:model.yaml',
    },
    {
      description: 'A second local cloud, in its own folder',
      command: '<%= config.bin %> <%= command.id %> --data-dir ./cloud-a',
    },
  ]

  static override flags = {
    'http-port': Flags.integer({
      summary: 'port of the REST APIs (default: the last one used, or a free one)',
      min: 1,
      max: 65_535,
      helpValue: 'PORT',
    }),
    'grpc-port': Flags.integer({
      summary: 'port of the gRPC APIs (default: the last one used, or a free one)',
      min: 1,
      max: 65_535,
      helpValue: 'PORT',
    }),
    detach: Flags.boolean({ summary: 'run in the background', char: 'd' }),
    faults: Flags.file({
      summary:
        'JSON file of scripted faults: errors, delays, lost responses (packages/local-cloud/docs/local-cloud.md)',
      exists: true,
      env: 'IMAGERY_FAULTS',
      helpValue: 'FILE',
    }),
    'access-log': Flags.string({
      summary: 'file to write one line of JSON to for each API call and delivery',
      env: 'IMAGERY_ACCESS_LOG',
      helpValue: 'FILE',
    }),
    'query-time': Flags.integer({
      summary: 'time limit of a BigQuery job, in seconds',
      min: 1,
      default: 600,
      env: 'IMAGERY_QUERY_TIME',
      helpValue: 'SECONDS',
    }),
    'query-memory': Flags.integer({
      summary: "memory limit of BigQuery jobs, in megabytes (default: half of this machine's, at most 4096)",
      min: 256,
      env: 'IMAGERY_QUERY_MEMORY',
      helpValue: 'MEGABYTES',
    }),
    'until-idle': Flags.boolean({ summary: 'stop when no command uses it', hidden: true }),
    yield: Flags.boolean({
      summary: `exit with ${EXIT_FOLDER_TAKEN} if another process holds the data folder`,
      hidden: true,
    }),
    'added-latency': Flags.integer({ summary: 'milliseconds to add to every API call', min: 0, hidden: true }),
  }

  async run(): Promise<{ data_dir: string; http: string; grpc: string }> {
    const { flags } = await this.parse(LocalStart)
    const dataDir = this.dataDirectory(flags['data-dir'])
    const gemini = readGeminiFlag(flags.gemini)
    if (flags.detach) return this.#detach(dataDir, { ...flags, gemini })
    silenceExperimentalWarnings()
    ignoreLogErrors()
    const emulator = await import('@imagery/local-cloud')
    /** Returns undefined if another process holds the folder. */
    const start = async () => {
      try {
        return await emulator.startLocalCloud({
          dataDir,
          version: this.config.version,
          ports: {
            ...(flags['http-port'] === undefined ? {} : { http: flags['http-port'] }),
            ...(flags['grpc-port'] === undefined ? {} : { grpc: flags['grpc-port'] }),
          },
          stopWhenIdle: flags['until-idle'],
          addedLatencyMs: flags['added-latency'] ?? 0,
          jobLimits: {
            timeMs: flags['query-time'] * 1000,
            ...(flags['query-memory'] === undefined ? {} : { memoryBytes: flags['query-memory'] * 1024 ** 2 }),
          },
          ...(flags.faults === undefined ? {} : { faultsFile: flags.faults }),
          ...(flags['access-log'] === undefined ? {} : { accessLogFile: flags['access-log'] }),
          ...(gemini === undefined ? {} : { gemini }),
          log: (line) => this.logToStderr(line),
        })
      } catch (error) {
        if (!(error instanceof emulator.LocalCloudError)) throw error
        if (error.code === 'ALREADY_RUNNING') return undefined
        throw new ImageryError('LOCAL_CLOUD_FAILED', error.message, { suggestions: error.suggestions, cause: error })
      }
    }
    let cloud = await start()
    if (!cloud && flags.yield) return this.exit(EXIT_FOLDER_TAKEN)
    // The process that holds the folder can be about to release it.
    while (!cloud) {
      if (!(await this.interruptible((waiting) => isFolderFree(dataDir, waiting)))) throw alreadyRunning(dataDir)
      cloud = await start()
    }
    const { stop: stopCloud, stopped } = cloud
    emulator.installLastResort({ log: (line) => this.logToStderr(line), stop: stopCloud, exitCode: EXIT_CODES.bug })
    const { http, grpc } = cloud.locator
    this.log(
      `The local cloud is running.\n\n  Data  ${dataDir}\n  REST  ${http}\n  gRPC  ${grpc.host}:${grpc.port} (TLS)\n\nCtrl-C stops it when its calls in progress have ended. Its state is kept.`,
    )
    stopOnSignal(cloud, (line) => this.logToStderr(line))
    const keepAlive = setInterval(() => undefined, 60_000)
    await stopped.finally(() => clearInterval(keepAlive))
    return { data_dir: dataDir, http, grpc: `${grpc.host}:${grpc.port}` }
  }

  async #detach(
    dataDir: string,
    flags: {
      'http-port'?: number | undefined
      'grpc-port'?: number | undefined
      'query-time'?: number | undefined
      'query-memory'?: number | undefined
      'added-latency'?: number | undefined
      faults?: string | undefined
      'access-log'?: string | undefined
      gemini?: string | undefined
    },
  ): Promise<{ data_dir: string; http: string; grpc: string }> {
    const passed = (
      [
        'http-port',
        'grpc-port',
        'query-time',
        'query-memory',
        'added-latency',
        'faults',
        'access-log',
        'gemini',
      ] as const
    ).flatMap((name) => (flags[name] === undefined ? [] : [`--${name}`, String(flags[name])]))
    const { http, grpc } = await this.interruptible(async (waiting) => {
      while (await isFolderFree(dataDir, waiting)) {
        const locator = await launchLocalCloud(dataDir, this.launcher(), passed, waiting.signal)
        if (locator) return locator
      }
      throw alreadyRunning(dataDir)
    })
    this.log(
      `The local cloud is running in the background.\n\n  Data  ${dataDir}\n  REST  ${http}\n  gRPC  ${grpc.host}:${grpc.port} (TLS)\n\nNext\n  ${this.next('local stop')}`,
    )
    return { data_dir: dataDir, http, grpc: `${grpc.host}:${grpc.port}` }
  }
}

/** The parts of a local cloud that the signal handler uses. */
interface RunningCloud {
  locator: { gemini?: string | undefined }
  unfinished(): Unfinished
  stop(): Promise<void>
}

/** npm forwards a Ctrl-C to a program that already got it from the terminal. */
const SAME_KEY_MS = 300

/** How often a slow stop reports what it still waits for. */
const STILL_WAITING_MS = 10_000

/**
 * The first signal waits for work in progress. A second one exits at once, which is safe because
 * the state on disk is always complete.
 */
function stopOnSignal(cloud: RunningCloud, say: (line: string) => void): void {
  let stoppedAt: number | undefined
  const reportUnfinished = (): void => {
    const unfinished = cloud.unfinished()
    const isPaid = cloud.locator.gemini === 'forward'
    if (unfinished.deliveries > 0) say(waitingNote(unfinished, { stopNow: 'Press Ctrl-C again', isPaid }))
  }
  const onSignal = (): void => {
    if (stoppedAt !== undefined) {
      if (performance.now() - stoppedAt > SAME_KEY_MS) process.exit(EXIT_CODES.interrupted)
      return
    }
    stoppedAt = performance.now()
    reportUnfinished()
    const reminder = setInterval(reportUnfinished, STILL_WAITING_MS)
    cloud
      .stop()
      .catch((error: unknown) => say(`stopping: ${String(error)}`))
      .finally(() => clearInterval(reminder))
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
}

/** A log that cannot be written (a full disk, a closed terminal) must not end the local cloud. */
function ignoreLogErrors(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error')
    stream.on('error', () => undefined)
  }
}

/** In Node 22, node:sqlite warns on stderr that it is experimental. Users cannot act on that. */
function silenceExperimentalWarnings(): void {
  const emit = process.emitWarning
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    const type = typeof rest[0] === 'string' ? rest[0] : (rest[0] as { type?: string } | undefined)?.type
    if (type === 'ExperimentalWarning') return
    Reflect.apply(emit, process, [warning, ...rest])
  }
}
