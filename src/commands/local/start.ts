import { Flags } from '@oclif/core'
import { LocalCloudCommand } from '../../base-command.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { readGeminiFlag } from '../../services/gemini-stand-in.ts'
import { findLocalCloud, startLocalCloud } from '../../services/local-cloud.ts'

export default class LocalStart extends LocalCloudCommand {
  static override summary = 'Run a local cloud until Ctrl-C'

  static override description =
    'Emulates the Google APIs that imagery uses, on 127.0.0.1, with its state on disk: started again, it goes on where it was. Commands with --local find it, and start one for their own time when there is none.'

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
    { description: 'Two side by side', command: '<%= config.bin %> <%= command.id %> --data-dir ./cloud-a' },
  ]

  static override flags = {
    'http-port': Flags.integer({
      summary: 'port of the REST APIs (default: that of the last time, or a free one)',
      min: 1,
      max: 65_535,
      helpValue: 'PORT',
    }),
    'grpc-port': Flags.integer({
      summary: 'port of the gRPC APIs (default: likewise)',
      min: 1,
      max: 65_535,
      helpValue: 'PORT',
    }),
    detach: Flags.boolean({ summary: 'leave it running in the background', char: 'd' }),
    faults: Flags.file({
      summary: 'JSON file of scripted faults: errors, delays, lost answers (docs/local-cloud.md)',
      exists: true,
      env: 'IMAGERY_FAULTS',
      helpValue: 'FILE',
    }),
    'access-log': Flags.string({
      summary: 'file that gets one line of JSON per API call and delivery',
      env: 'IMAGERY_ACCESS_LOG',
      helpValue: 'FILE',
    }),
    'query-time': Flags.integer({
      summary: 'seconds that a BigQuery job may take',
      min: 1,
      default: 600,
      env: 'IMAGERY_QUERY_TIME',
      helpValue: 'SECONDS',
    }),
    'query-memory': Flags.integer({
      summary: "megabytes that BigQuery jobs may take (default: half of this machine's, 4096 at most)",
      min: 256,
      env: 'IMAGERY_QUERY_MEMORY',
      helpValue: 'MEGABYTES',
    }),
    'until-idle': Flags.boolean({ summary: 'stop once no command uses it any more', hidden: true }),
    'added-latency': Flags.integer({ summary: 'milliseconds that every API call takes longer', min: 0, hidden: true }),
  }

  async run(): Promise<{ data_dir: string; http: string; grpc: string }> {
    const { flags } = await this.parse(LocalStart)
    const dataDir = this.dataDirectory(flags['data-dir'])
    const gemini = readGeminiFlag(flags.gemini)
    if (flags.detach) return this.#detach(dataDir, { ...flags, gemini })
    quietExperimentalWarnings()
    outliveTheLog()
    const emulator = await import('../../emulator/index.ts')
    const cloud = await emulator
      .startLocalCloud({
        dataDir,
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
      .catch((error: unknown) => {
        if (!(error instanceof emulator.LocalCloudError)) throw error
        throw new ImageryError('LOCAL_CLOUD_FAILED', error.message, { suggestions: error.suggestions, cause: error })
      })
    const { http, grpc } = cloud.locator
    this.log(
      `The local cloud is up.\n\n  Data  ${dataDir}\n  REST  ${http}\n  gRPC  ${grpc.host}:${grpc.port} (TLS)\n\nCtrl-C stops it; its state stays.`,
    )
    const stop = (): void => {
      // A second signal does not wait for programs to drain: the state on disk is complete at any moment.
      process.once('SIGINT', () => process.exit(130))
      cloud.stop().catch((error: unknown) => this.logToStderr(`stopping: ${String(error)}`))
    }
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
    process.once('SIGHUP', stop)
    const keepAlive = setInterval(() => undefined, 60_000)
    await cloud.stopped.finally(() => clearInterval(keepAlive))
    return { data_dir: dataDir, http, grpc: `${grpc.host}:${grpc.port}` }
  }

  async #detach(
    dataDir: string,
    flags: {
      'data-dir'?: string | undefined
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
    const folder = this.folderFlag(flags['data-dir'])
    if (await findLocalCloud(dataDir)) {
      throw new ImageryError('LOCAL_CLOUD_FAILED', `A local cloud is already running on ${dataDir}`, {
        suggestions: [`imagery local status${folder}`, `imagery local stop${folder}`],
      })
    }
    const passed = PASSED_FLAGS.flatMap((name) => (flags[name] === undefined ? [] : [`--${name}`, String(flags[name])]))
    const { http, grpc } = await startLocalCloud(dataDir, this.launcher(), passed)
    this.log(
      `The local cloud is up, in the background.\n\n  Data  ${dataDir}\n  REST  ${http}\n  gRPC  ${grpc.host}:${grpc.port} (TLS)\n\nNext\n  imagery local stop${folder}`,
    )
    return { data_dir: dataDir, http, grpc: `${grpc.host}:${grpc.port}` }
  }
}

/** What the detached process is told of this one's command line. */
const PASSED_FLAGS = [
  'http-port',
  'grpc-port',
  'query-time',
  'query-memory',
  'added-latency',
  'faults',
  'access-log',
  'gemini',
] as const

/** A log that cannot be written (its disk is full, its terminal is gone) has nowhere to say so, and must not end the local cloud. */
function outliveTheLog(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.removeAllListeners('error')
    stream.on('error', () => undefined)
  }
}

/** node:sqlite says on stderr that it is experimental, in Node 22: nothing that our user can act on. */
function quietExperimentalWarnings(): void {
  const emit = process.emitWarning
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    const type = typeof rest[0] === 'string' ? rest[0] : (rest[0] as { type?: string } | undefined)?.type
    if (type === 'ExperimentalWarning') return
    Reflect.apply(emit, process, [warning, ...rest])
  }
}
