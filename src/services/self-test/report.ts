import os from 'node:os'
import { writeFile } from 'node:fs/promises'
import { ImageryError } from '../../contracts/errors.ts'
import { anonymizer } from './anonymous.ts'
import type { BehaviorReport } from './behavior.ts'
import type { CommandOutcome } from './commands.ts'
import type { SelfTestContext } from './self-test.ts'

/**
 * The JSON report of a self-test. It names no project, account, machine or folder, so it can be attached to a public
 * issue.
 */
export interface SelfTestReport {
  v: 1
  ok: boolean
  imagery: string
  node: string
  platform: string
  /** Google Cloud, or the local cloud. */
  cloud: 'google' | 'local'
  region: string
  started_at: string
  /** Null in the report of a self-test that has not ended, or was killed. */
  finished_at: string | null
  cost_usd: number
  problems: string[]
  behaviors: BehaviorReport[]
  commands: CommandOutcome[]
  left_behind: string[]
}

/** What a report says besides what the self-test found. */
export interface ReportFrame {
  /** imagery's own version. */
  version: string
  /** The folder that imagery is installed in. */
  root: string
  startedAt: Date
  /** Undefined while the self-test runs. */
  finishedAt?: Date
}

export function selfTestReport(context: SelfTestContext, frame: ReportFrame): SelfTestReport {
  const { target, problems, behaviors, commands, leftBehind, costUsd } = context
  const { projectId, region } = target.place
  const anonymous = anonymizer({
    projectId,
    projectNumber: context.projectNumber,
    folders: [
      [os.homedir(), '~'],
      [process.cwd(), '.'],
      [os.tmpdir(), 'TEMPORARY_FOLDER'],
      [frame.root, 'IMAGERY'],
    ],
    hosts: [os.hostname(), ...proxyHosts()],
  })
  return anonymous({
    v: 1,
    ok: problems.length === 0 && frame.finishedAt !== undefined && !context.signal.aborted,
    imagery: frame.version,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cloud: target.kind,
    region,
    started_at: frame.startedAt.toISOString(),
    finished_at: frame.finishedAt?.toISOString() ?? null,
    cost_usd: costUsd,
    problems,
    behaviors,
    commands: commands.map((outcome) => ({ ...outcome, document: outcome.document && telling(outcome.document) })),
    left_behind: leftBehind,
  } satisfies SelfTestReport) as SelfTestReport
}

/** Google's errors can repeat the address of the proxy. */
function proxyHosts(): string[] {
  return ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy'].flatMap((name) => {
    const value = process.env[name]
    return value !== undefined && URL.canParse(value) ? [new URL(value).hostname] : []
  })
}

/** The members of commands' documents that say how Google behaved. The others name tables, buckets, services and files. */
const TELLING: ReadonlySet<string> = new Set([
  'error',
  'warnings',
  'state',
  'units',
  'causes',
  'failures',
  'cost_usd',
  'model',
  'profile',
  'started_at',
  'finished_at',
])

/** Keeps what a document says about Google; of lists, such as the rows of the sample, it keeps the length. */
function telling(document: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(document).flatMap(([name, value]): [string, unknown][] => {
      if (TELLING.has(name)) return [[name, value]]
      return Array.isArray(value) ? [[name, `${value.length} entries`]] : []
    }),
  )
}

/** @throws ImageryError FILE_NOT_WRITABLE */
export async function saveReport(file: string, report: SelfTestReport): Promise<void> {
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`).catch((error: unknown) => {
    throw new ImageryError('FILE_NOT_WRITABLE', `${file} cannot be written: ${(error as Error).message}`, {
      suggestions: ['imagery doctor --self-test --report FILE'],
      cause: error,
    })
  })
}
