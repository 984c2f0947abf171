import { ImageryError, type ErrorCode } from '../../contracts/errors.ts'
import { DEFAULT_GEMINI_MODEL } from '../../contracts/model-options.ts'
import { memberToGrant } from '../../google/auth/caller-member.ts'
import { CloudError, needCloud } from '../../google/transport/errors.ts'
import { failed, unknown, type Check, type CheckedThing, type DoctorContext, type Finding } from './check.ts'
import { credentials } from './credentials.ts'
import { deploymentState } from './deployment.ts'
import { gemini } from './gemini.ts'
import { organisation } from './organisation.ts'
import { deployerRoles, runnerRoles } from './permissions.ts'
import { apis, billing, project, region } from './project.ts'
import { source } from './source.ts'
import { expectedFailure } from '../failures/cloud-failure.ts'
import { findDeployment, type Target } from '../session/target.ts'

export type { CheckedThing } from './check.ts'

export interface DoctorOptions {
  target: Target
  runtimeFolder: string
  model?: string | undefined
  location?: string | undefined
  table?: string | undefined
}

/** Nothing else can be known without these two. */
const FIRST: readonly Check[] = [credentials, project]

const OTHERS: readonly Check[] = [
  billing,
  region,
  apis,
  deployerRoles,
  runnerRoles,
  organisation,
  gemini,
  deploymentState,
]

/**
 * Looks at everything that commands need of a cloud, and changes nothing. Costs nothing either.
 * Every check answers for itself: one that may not look says so and stands in nobody's way.
 */
export async function runChecks(options: DoctorOptions): Promise<CheckedThing[]> {
  const { context, first } = await opened(options)
  if (first.some(hasFailed)) return first
  return [...first, ...(await lookAll([...OTHERS, ...(options.table === undefined ? [] : [source])], context))]
}

/** What stands in every deploy's way. Its steps see to the rest by themselves, and name what they lack. */
const OBSTACLES: readonly Check[] = [billing, region, organisation]

/** What a deploy can do without, at least for its beginning. */
const CONCERNS: readonly Check[] = [deployerRoles, gemini]

/**
 * Looks, before a deploy makes anything, at what would stop it half way. Roles alone never do: a
 * deploy that is repeated needs only those for what is missing, and its steps tell which.
 */
export async function runChecksBeforeDeploy(
  options: DoctorOptions,
): Promise<{ obstacles: CheckedThing[]; concerns: CheckedThing[]; who: string }> {
  const { context, first } = await opened(options)
  const who = first.find(({ check }) => check === credentials.name)?.detail ?? ''
  const obstacles = first.filter(hasFailed)
  if (obstacles.length > 0) return { obstacles, concerns: [], who }
  const [stops, others] = await Promise.all([lookAll(OBSTACLES, context), lookAll(CONCERNS, context)])
  const concerns = [...first, ...stops, ...others].filter((thing) => thing.status === 'warning' || hasFailed(thing))
  return { obstacles: stops.filter(hasFailed), concerns, who }
}

const hasFailed = ({ status }: CheckedThing): boolean => status === 'failed'

/** The first checks, and what the others look at. */
async function opened(options: DoctorOptions): Promise<{ context: DoctorContext; first: CheckedThing[] }> {
  const { target, runtimeFolder, model = DEFAULT_GEMINI_MODEL, location = 'global', table } = options
  const base = { target, runtimeFolder, model, location, table, member: 'user:EMAIL', deployment: undefined }
  const first = await lookAll(FIRST, base)
  if (first.some(hasFailed)) return { context: base, first }
  const [member, deployment] = await Promise.all([
    memberToGrant(),
    findDeployment(target.place).catch((error: unknown) => hiddenOrOff(error)),
  ])
  return { context: { ...base, deployment, member }, first }
}

/** An API that is off has no services; anything else leaves open whether there are any. */
function hiddenOrOff(error: unknown): 'hidden' | undefined {
  return error instanceof CloudError && error.reason === 'SERVICE_DISABLED' ? undefined : 'hidden'
}

/** Codes of what a command says that does not even know which cloud, or as whom. */
const OPENING: Partial<Record<ErrorCode, Pick<Check, 'name' | 'title'>>> = {
  CREDENTIALS_NOT_FOUND: credentials,
  PROJECT_NOT_SET: project,
}

/** The failed check that a cloud which could not be opened stands for. @throws anything else */
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

/** What to say of a check that could not look. @throws what is a bug */
function explained(thrown: unknown, { target }: DoctorContext): Finding {
  needCloud()
  if (thrown instanceof CloudError && thrown.reason === 'SERVICE_DISABLED' && thrown.service !== undefined) {
    const fix = `gcloud services enable ${thrown.service} --project ${target.place.projectId}`
    return unknown(`cannot be looked at while ${thrown.service} is not enabled`, fix)
  }
  if (thrown instanceof CloudError && MAY_NOT_LOOK.has(thrown.status))
    return unknown(`cannot be looked at: ${thrown.message}`)
  const error = expectedFailure(thrown)
  if (!(error instanceof ImageryError)) throw error
  const finding = error.code === 'ACCESS_DENIED' ? unknown : failed
  return finding(error.message, ...error.suggestions)
}

const MAY_NOT_LOOK: ReadonlySet<string> = new Set(['PERMISSION_DENIED', 'UNIMPLEMENTED', 'NOT_FOUND'])
