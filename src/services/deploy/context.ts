import type { Step, StepOutcome, StepReporter } from '../../contracts/steps.ts'
import type { INGRESS, Program } from '../../google/cloud-run/services.ts'
import type { Target } from '../session/target.ts'

/** What can be chosen about a deployment. */
export interface DeployOptions {
  /** An image to run instead of building one. */
  image: string | undefined
  /** False: run the source archive on Google's Node base image. */
  build: boolean
  /** Instances of main that are kept, and the most that there may be. */
  minInstances: number
  maxInstances: number
  ingress: keyof typeof INGRESS
  /** Whom runs may ask in Gemini's place, and who is then shown the runtime's access token. */
  modelOrigins: readonly string[]
}

export const DEFAULT_DEPLOY_OPTIONS: DeployOptions = {
  image: undefined,
  build: true,
  minInstances: 0,
  maxInstances: 100,
  ingress: 'all',
  modelOrigins: [],
}

/** What the steps of a deploy find out one after another. */
export interface DeployContext {
  target: Target
  options: DeployOptions
  /** The folder of the built runtime. */
  runtimeFolder: string
  /** APIs that are off. What belongs to one of them cannot exist yet. */
  off: Set<string>
  /** Whether this deploy has enabled an API, made an account or given a role: Google takes a while to know everywhere. */
  isSettling: boolean
  /** SHA-256 of what is deployed, once it is known. */
  sourceHash?: string
  program?: Program
  mainUrl?: string
  populateUrl?: string
  /** What became of each service, by its name. */
  outcomes: Record<string, string>
  /** What the user should know although the deploy goes on. */
  warnings: string[]
}

export type PlannedAction = 'delete' | 'enable' | 'create' | 'update' | 'grant' | 'revoke' | 'upload' | 'build' | 'keep'

/** One thing that a deploy sees to. */
export interface PlannedChange {
  /** `keep`: it is as it should be. */
  action: PlannedAction
  /** What it is, in full. */
  resource: string
  /** The fields that an update is about, by the names that the API has for them. */
  fields?: readonly string[]
}

/** A step that looks before it changes anything, so that a plan can be made of all of them. */
export interface DeployStep {
  title: string
  /** The roles that it takes: what a refusal without a permission's name is put down to. */
  roles: readonly string[]
  /** What there is to do, and what is done already. Changes nothing. */
  inspect(context: DeployContext): Promise<PlannedChange[]>
  /** Does it. Called only when something is to be done. */
  apply(context: DeployContext, changes: readonly PlannedChange[], reporter: StepReporter): Promise<StepOutcome>
}

/** Whether an API is off, so that asking it for anything would be refused. */
export function isOff({ off }: DeployContext, api: string): boolean {
  return off.has(`${api}.googleapis.com`)
}

/** Whether a deploy makes an image of its own. */
export function isBuilding({ options }: Pick<DeployContext, 'options'>): boolean {
  return options.build && options.image === undefined
}

export function toDo(changes: readonly PlannedChange[]): PlannedChange[] {
  return changes.filter(({ action }) => action !== 'keep')
}

/** The step as it is run: nothing is done where nothing is to do. */
export function asStep(step: DeployStep, onFailure: (error: unknown) => Promise<unknown>): Step<DeployContext> {
  return {
    title: step.title,
    async run(context, reporter) {
      try {
        const changes = await step.inspect(context)
        if (toDo(changes).length === 0) return { skipped: 'is as it should be' }
        return await step.apply(context, changes, reporter)
      } catch (error) {
        throw await onFailure(error)
      }
    },
  }
}
