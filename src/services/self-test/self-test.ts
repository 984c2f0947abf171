import { randomBytes } from 'node:crypto'
import { datasetLocation, deleteDatasetIfEmpty } from '../../google/bigquery/bigquery.ts'
import { projectNumber } from '../../google/admin/resource-manager.ts'
import { ImageryError } from '../../contracts/errors.ts'
import type { DeploymentRef } from '../../contracts/names.ts'
import type { Step, StepOutcome, StepReporter } from '../../contracts/steps.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import { requireDeployment, type Target } from '../session/target.ts'
import type { Behavior, BehaviorReport, ProbeContext } from './behavior.ts'
import { geminiRun, pixelsRun, runImagery, type CommandOutcome, type Launcher } from './commands.ts'
import { leftovers } from './leftovers.ts'
import { QUEUE_BEHAVIORS } from './queue-behaviors.ts'
import { SERVICE_BEHAVIORS } from './service-behaviors.ts'
import { TABLE_BEHAVIORS } from './table-behaviors.ts'

/** Every behavior that a self-test looks at, in this order (docs/google-behavior.md). */
export const BEHAVIORS: readonly Behavior[] = [...SERVICE_BEHAVIORS, ...QUEUE_BEHAVIORS, ...TABLE_BEHAVIORS]

export interface SelfTestContext {
  /** The self-test's own deployment, which has a name that no other has. */
  target: Target
  launcher: Launcher
  /** The table of the sample that comes with imagery. */
  sample: string
  /** Whether something answers as Gemini: Vertex AI, or a stand-in of the local cloud. */
  hasGemini: boolean
  signal: AbortSignal
  id: string
  dataset: string
  commands: CommandOutcome[]
  behaviors: BehaviorReport[]
  runIds: string[]
  /** What went wrong, one sentence each. The self-test goes on where it can, and always cleans up. */
  problems: string[]
  /** Resources that still exist at the end. */
  leftBehind: string[]
  costUsd: number
  projectNumber: string | undefined
  /** The first error that is a bug of imagery's, for after the cleanup. */
  bug: unknown
  /** Keeps the report so far, in case the process ends early. */
  keepReport: (context: SelfTestContext) => Promise<void>
}

/** A name for a throwaway deployment: 13 of the 14 characters that a name can have. */
export function throwawayName(): string {
  return `selftest-${randomBytes(2).toString('hex')}`
}

export function selfTestContext(
  options: Pick<SelfTestContext, 'target' | 'launcher' | 'sample' | 'hasGemini' | 'signal' | 'keepReport'>,
): SelfTestContext {
  const id = options.target.place.name ?? throwawayName()
  return {
    ...options,
    id,
    dataset: `imagery_${id.replaceAll('-', '_')}`,
    commands: [],
    behaviors: [],
    runIds: [],
    problems: [],
    leftBehind: [],
    costUsd: 0,
    projectNumber: undefined,
    bug: undefined,
  }
}

/**
 * Returns the steps of a self-test. None rejects: each adds its problems to the context, so that the last steps delete
 * everything whatever happened before, also after Ctrl-C and after a bug.
 */
export function selfTestSteps(context: SelfTestContext): Step<SelfTestContext>[] {
  return [
    step('Deploy under a throwaway name', deploy),
    step('Measure the sample', (given, reporter) => run(given, pixelsRun(given.sample, given.dataset), reporter)),
    step('Ask Gemini about three assets', askGemini),
    step('Observe how Google behaves', observe),
    step('Tear down the runs', tearDownRuns, 'always'),
    step('Tear down the deployment', tearDownDeployment, 'always'),
    step('Look for resources left behind', lookForLeftovers, 'always'),
  ].map(({ title, run: work }) => ({ title, run: (_, reporter) => work(context, reporter) }))
}

type Work = (context: SelfTestContext, reporter: StepReporter) => Promise<string | undefined>

function step(
  title: string,
  work: Work,
  when: 'always' | 'unless interrupted' = 'unless interrupted',
): Step<SelfTestContext> {
  return {
    title,
    async run(context, reporter) {
      if (when !== 'always' && context.signal.aborted) return { skipped: 'interrupted' }
      if (when !== 'always' && context.bug !== undefined) return { skipped: 'because of the error before' }
      const outcome = await attempted(title, () => work(context, reporter), context)
      await context.keepReport(context).catch((error: unknown) => {
        context.problems.push(`The report could not be kept after "${title}": ${messageOf(error)}`)
      })
      return outcome
    },
  }
}

async function attempted(
  title: string,
  work: () => Promise<string | undefined>,
  context: SelfTestContext,
): Promise<StepOutcome> {
  try {
    const done = await work()
    return done === undefined ? { skipped: 'not possible here' } : { done }
  } catch (error) {
    const known = expectedFailure(error, context.target.place)
    const isBug = !(known instanceof ImageryError)
    if (isBug) context.bug ??= error
    const message = `${isBug ? 'a bug in imagery: ' : ''}${messageOf(known)}`
    context.problems.push(`${title}: ${message}`)
    return { done: `failed: ${message}` }
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** Runs a command, records it, and returns its document; undefined after it failed. */
async function command(
  context: SelfTestContext,
  args: readonly string[],
  reporter: StepReporter,
  launcher: Launcher = context.launcher,
): Promise<Record<string, unknown> | undefined> {
  const outcome = await runImagery(launcher, args, (line) => reporter.detail(line))
  context.commands.push(outcome)
  if (outcome.exit_code === 0) return outcome.document ?? {}
  context.problems.push(`${outcome.command} exited with ${outcome.exit_code}: ${errorOf(outcome)}`)
  return undefined
}

function errorOf({ document }: CommandOutcome): string {
  const { message } = (document?.['error'] ?? {}) as { message?: string }
  return message ?? 'it printed no error'
}

async function deploy(context: SelfTestContext, reporter: StepReporter): Promise<string> {
  const { target } = context
  const deployed = await command(context, ['deploy'], reporter)
  context.projectNumber = await projectNumber(target.place.projectId).catch(() => undefined)
  return deployed ? `deployment ${context.id}` : 'failed'
}

async function run(context: SelfTestContext, args: readonly string[], reporter: StepReporter): Promise<string> {
  const report = await command(context, args, reporter)
  const known = report ?? context.commands.at(-1)?.document ?? {}
  if (typeof known['run_id'] === 'string') context.runIds.push(known['run_id'])
  context.costUsd += Number(known['cost_usd'] ?? 0)
  if (!report) return 'failed'
  const { ok = 0, total = 0 } = (report['units'] ?? {}) as { ok?: number; total?: number }
  const rows = await resultRows(context, String(report['run_id']), reporter)
  if (rows !== total) context.problems.push(`Run ${String(report['run_id'])} has ${rows} rows for ${total} assets`)
  return `${ok} of ${total} assets ok, ${rows} rows`
}

async function resultRows(context: SelfTestContext, runId: string, reporter: StepReporter): Promise<number> {
  const document = await command(context, ['results', runId], reporter)
  const rows = document?.['rows']
  return Array.isArray(rows) ? new Set(rows.map((row) => (row as { asset_id?: unknown }).asset_id)).size : 0
}

async function askGemini(context: SelfTestContext, reporter: StepReporter): Promise<string | undefined> {
  if (context.hasGemini) return run(context, geminiRun(context.sample, context.dataset), reporter)
  return undefined
}

async function observe(context: SelfTestContext, reporter: StepReporter): Promise<string> {
  const { target, dataset, id, signal } = context
  const { projectId } = target.place
  const deployment = await requireDeployment(target)
  const location = await datasetLocation({ projectId, dataset })
  const probe: ProbeContext = { target, deployment, dataset, location: location ?? 'US', id, signal }
  for (const behavior of BEHAVIORS) {
    if (signal.aborted) break
    reporter.detail(behavior.title)
    context.behaviors.push(await observed(behavior, probe))
  }
  const count = (outcome: BehaviorReport['outcome']): number =>
    context.behaviors.filter((behavior) => behavior.outcome === outcome).length
  const differing = context.behaviors.filter(({ outcome }) => outcome === 'different')
  context.problems.push(...differing.map(({ title, detail }) => `Not as documented: ${title}. ${detail}`))
  return `${count('as_expected')} as expected, ${differing.length} different, ${count('not_observed')} not observed`
}

async function observed({ id, title, observe: look }: Behavior, probe: ProbeContext): Promise<BehaviorReport> {
  const startedMs = performance.now()
  const observation = await look(probe).catch((error: unknown) => {
    const known = expectedFailure(error, probe.target.place)
    if (!(known instanceof ImageryError)) throw error
    return { outcome: 'not_observed' as const, detail: known.message }
  })
  return { id, title, ...observation, seconds: Math.round((performance.now() - startedMs) / 100) / 10 }
}

/** Cleaning up goes on after Ctrl-C. */
function uninterrupted({ launcher }: SelfTestContext): Launcher {
  return { ...launcher, signal: new AbortController().signal }
}

async function tearDownRuns(context: SelfTestContext, reporter: StepReporter): Promise<string | undefined> {
  const { runIds, target, dataset } = context
  // The runs of commands that failed or were interrupted are known by the deployment alone.
  const listed = await command(context, ['runs'], reporter, uninterrupted(context))
  const found = ((listed?.['runs'] ?? []) as { run_id?: string }[]).map(({ run_id: runId }) => runId ?? '')
  const all = [...new Set([...runIds, ...found])].filter((runId) => runId !== '')
  for (const runId of all)
    await command(context, ['teardown', runId, '--delete-results', '--yes'], reporter, uninterrupted(context))
  const name = { projectId: target.place.projectId, dataset }
  if ((await datasetLocation(name)) !== undefined) await deleteDatasetIfEmpty(name)
  return all.length === 0 ? undefined : `${all.length} torn down`
}

async function tearDownDeployment(context: SelfTestContext, reporter: StepReporter): Promise<string> {
  const args = ['teardown', '--deployment', '--all', '--yes']
  const document = await command(context, args, reporter, uninterrupted(context))
  return document ? 'deleted' : 'failed'
}

async function lookForLeftovers(context: SelfTestContext): Promise<string> {
  const place: DeploymentRef = context.target.place
  context.leftBehind = await leftovers(place, { dataset: context.dataset, id: context.id, runIds: context.runIds })
  context.problems.push(...context.leftBehind.map((resource) => `Left behind: ${resource}`))
  return context.leftBehind.length === 0 ? 'none' : context.leftBehind.join(', ')
}
