import { ImageryError, type ErrorCode } from '../../contracts/errors.ts'
import { DEFAULT_GEMINI_MODEL } from '../../contracts/model-options.ts'
import { memberToGrant } from '../../google/auth/caller-member.ts'
import { CloudError, needCloud } from '../../google/transport/errors.ts'
import { failed, unknown, type Check, type CheckedThing, type DoctorContext, type Finding } from './check.ts'
import { credentials } from './credentials.ts'
import { deploymentState } from './deployment.ts'
import { gemini } from './gemini.ts'
import { organization } from './organization.ts'
import { deployerRoles, runnerRoles } from './permissions.ts'
import { apis, billing, project } from './project.ts'
import { region } from './region.ts'
import { source } from './source.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import { enableCommand } from '../failures/missing-role.ts'
import { withoutRepeats, withProjectId } from './enable-commands.ts'
import { findDeployment, type Target } from '../session/target.ts'

export type { CheckedThing } from './check.ts'

export interface DoctorOptions {
  target: Target
  runtimeFolder: string
  model?: string | undefined
  location?: string | undefined
  table?: string | undefined
  /** Whether a deploy builds an image. @default true */
  isBuilding?: boolean
}

/** All other checks depend on these two. */
const FIRST: readonly Check[] = [credentials, project]

const OTHERS: readonly Check[] = [
  billing,
  region,
  apis,
  deployerRoles,
  runnerRoles,
  organization,
  gemini,
  deploymentState,
]

/**
 * Checks everything that commands need from a cloud. Changes nothing and costs nothing. Checks are
 * independent: one that this account is not allowed to make reports that and blocks no other.
 */
export async function runChecks(options: DoctorOptions): Promise<CheckedThing[]> {
  const { context, first } = await opened(options)
  if (first.some(hasFailed)) return first
  const others = await lookAll([...OTHERS, ...(options.table === undefined ? [] : [source])], context)
  return withoutRepeats([...first, ...others])
}

/** Checks whose failure blocks every deploy. The steps of a deploy handle the rest, and report what they lack. */
const OBSTACLES: readonly Check[] = [billing, region, organization]

/** Checks that a deploy can start without. */
const CONCERNS: readonly Check[] = [deployerRoles, gemini]

export interface ChecksBeforeDeploy {
  /** What makes every deploy fail. */
  obstacles: CheckedThing[]
  concerns: CheckedThing[]
  /** Checks that could not be made. */
  unknowns: CheckedThing[]
  /** The caller. */
  who: string
}

/**
 * Checks, before a deploy creates anything, what would stop it halfway. Missing roles never block a
 * deploy: a repeated deploy needs only the roles for what is missing, and its steps report them.
 */
export async function runChecksBeforeDeploy(options: DoctorOptions): Promise<ChecksBeforeDeploy> {
  const { context, first } = await opened(options)
  const who = first.find(({ check }) => check === credentials.name)?.detail ?? ''
  const obstacles = first.filter(hasFailed)
  if (obstacles.length > 0) return { obstacles, concerns: [], unknowns: [], who }
  const [stops, others] = await Promise.all([lookAll(OBSTACLES, context), lookAll(CONCERNS, context)])
  const concerns = [...first, ...stops, ...others].filter((thing) => thing.status === 'warning' || hasFailed(thing))
  const unknowns = [...first, ...stops, ...others].filter(isUnknown)
  return { obstacles: stops.filter(hasFailed), concerns, unknowns, who }
}

/**
 * Makes those checks that could not be made before: in a new project, most need an API that the deploy has to enable.
 *
 * @param names of the checks
 * @param attempt runs a check, and repeats it while its API does not accept calls yet
 */
export async function runChecksAgain(
  options: DoctorOptions,
  names: readonly string[],
  attempt: (check: () => Promise<Finding>) => Promise<Finding>,
): Promise<Omit<ChecksBeforeDeploy, 'who'>> {
  const { context } = await opened(options)
  const again = (checks: readonly Check[]): Promise<CheckedThing[]> =>
    lookAll(
      checks
        .filter(({ name }) => names.includes(name))
        .map((check) => ({ ...check, run: (given: DoctorContext) => attempt(() => check.run(given)) })),
      context,
    )
  const [stops, others] = await Promise.all([again([...FIRST, ...OBSTACLES]), again(CONCERNS)])
  return {
    obstacles: stops.filter(hasFailed),
    concerns: [...stops, ...others].filter((thing) => thing.status === 'warning' || hasFailed(thing)),
    // A role of the caller can still hide these.
    unknowns: stops.filter(isUnknown),
  }
}

const isUnknown = ({ status }: CheckedThing): boolean => status === 'unknown'

const hasFailed = ({ status }: CheckedThing): boolean => status === 'failed'

/** Runs the first checks, and returns the input of the others. */
async function opened(options: DoctorOptions): Promise<{ context: DoctorContext; first: CheckedThing[] }> {
  const { target, runtimeFolder, model = DEFAULT_GEMINI_MODEL, location = 'global', table, isBuilding = true } = options
  const base = {
    target,
    runtimeFolder,
    model,
    location,
    table,
    isBuilding,
    member: 'user:EMAIL',
    deployment: undefined,
  }
  const first = await lookAll(FIRST, base)
  if (first.some(hasFailed)) return { context: base, first }
  const [member, deployment] = await Promise.all([
    memberToGrant(),
    findDeployment(target.place).catch((error: unknown) => hiddenOrOff(error)),
  ])
  return { context: { ...base, deployment, member }, first }
}

/** A disabled API has no services. After any other error, it is unknown whether there are any. */
function hiddenOrOff(error: unknown): 'hidden' | undefined {
  return error instanceof CloudError && error.reason === 'SERVICE_DISABLED' ? undefined : 'hidden'
}

/** Error codes of a command that knows no project or has no credentials. */
const OPENING: Partial<Record<ErrorCode, Pick<Check, 'name' | 'title'>>> = {
  CREDENTIALS_NOT_FOUND: credentials,
  PROJECT_NOT_SET: project,
}

/** Returns the failed check for a cloud that could not be opened. @throws any other error */
export function openingCheck(error: unknown): CheckedThing {
  const check = error instanceof ImageryError ? OPENING[error.code] : undefined
  if (!check || !(error instanceof ImageryError)) throw error
  return { check: check.name, title: check.title, ...failed(error.message, ...error.suggestions) }
}

async function lookAll(checks: readonly Check[], context: DoctorContext): Promise<CheckedThing[]> {
  return Promise.all(
    checks.map(async (check) => {
      const finding = await check.run(context).catch((error: unknown) => explained(error, context))
      return { check: check.name, title: check.title, ...finding }
    }),
  )
}

/** Returns the finding of a check that threw. @throws an error that is a bug */
async function explained(thrown: unknown, { target }: DoctorContext): Promise<Finding> {
  needCloud()
  if (thrown instanceof CloudError && thrown.reason === 'SERVICE_DISABLED' && thrown.service !== undefined) {
    const named = await withProjectId(thrown, target.place)
    return unknown(`cannot be checked while ${thrown.service} is not enabled`, enableCommand(named, target.place))
  }
  if (thrown instanceof CloudError && MAY_NOT_LOOK.has(thrown.status))
    return unknown(`cannot be checked: ${thrown.message}`)
  const error = expectedFailure(thrown)
  if (!(error instanceof ImageryError)) throw error
  const finding = error.code === 'ACCESS_DENIED' ? unknown : failed
  return finding(error.message, ...error.suggestions)
}

const MAY_NOT_LOOK: ReadonlySet<string> = new Set(['PERMISSION_DENIED', 'UNIMPLEMENTED', 'NOT_FOUND'])
