import os from 'node:os'
import { anonymizer } from './anonymous.ts'
import type { BehaviorReport } from './behavior.ts'
import type { CommandOutcome } from './commands.ts'
import type { SelfTestContext } from './self-test.ts'

/** The JSON report of a self-test. It names no project, account or home folder, so it can be attached to a public issue. */
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
  finished_at: string
  cost_usd: number
  problems: string[]
  behaviors: BehaviorReport[]
  commands: CommandOutcome[]
  left_behind: string[]
}

/** @param program.version imagery's own version */
export function selfTestReport(
  context: SelfTestContext,
  program: { version: string; startedAt: Date; finishedAt: Date },
): SelfTestReport {
  const { target, problems, behaviors, commands, leftBehind, costUsd } = context
  const { projectId, region } = target.place
  const anonymous = anonymizer({ projectId, projectNumber: context.projectNumber, home: os.homedir() })
  return anonymous({
    v: 1,
    ok: problems.length === 0 && !context.signal.aborted,
    imagery: program.version,
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cloud: target.kind,
    region,
    started_at: program.startedAt.toISOString(),
    finished_at: program.finishedAt.toISOString(),
    cost_usd: costUsd,
    problems,
    behaviors,
    commands: commands.map(withoutRows),
    left_behind: leftBehind,
  } satisfies SelfTestReport) as SelfTestReport
}

/** The rows of the sample say nothing about Google. */
function withoutRows(outcome: CommandOutcome): CommandOutcome {
  const { document } = outcome
  return Array.isArray(document?.['rows'])
    ? { ...outcome, document: { ...document, rows: `${document['rows'].length} rows` } }
    : outcome
}
