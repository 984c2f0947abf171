import type { StepOutcome, StepReporter } from '../../contracts/steps.ts'
import type { INGRESS, Program } from '../../google/cloud-run/services.ts'
import type { Target } from '../session/target.ts'

/** The options of a deployment. */
export interface DeployOptions {
  /** An image to run instead of building one. */
  image: string | undefined
  /** If false, the services run the source archive on Google's Node base image. */
  build: boolean
  /** Minimum instances of main. */
  minInstances: number
  /** Maximum instances of main; undefined: as many as usual, or as the project's quota allows. */
  maxInstances: number | undefined
  ingress: keyof typeof INGRESS
  /** Origins that runs may call instead of Gemini. They receive the runtime's access token. */
  modelOrigins: readonly string[]
}

export const DEFAULT_DEPLOY_OPTIONS: DeployOptions = {
  image: undefined,
  build: true,
  minInstances: 0,
  maxInstances: undefined,
  ingress: 'all',
  modelOrigins: [],
}

/** What all steps of a deploy share. What a step makes for later ones is in its `adds` instead. */
export interface DeployContext {
  target: Target
  options: DeployOptions
  /** The folder of the built runtime. */
  runtimeFolder: string
  /** Disabled APIs. Their resources cannot exist yet. */
  off: Set<string>
  /** Ends waits for Google, for a command that can be interrupted. */
  signal?: AbortSignal
  /** The maximum instances of services, by their names, where the project's quota allows fewer than usual. */
  allowedInstances: Record<string, number>
  /** The outcome for each service, by its name. */
  outcomes: Record<string, string>
  /** Warnings for the user that do not stop the deploy. */
  warnings: string[]
}

export type PlannedAction = 'delete' | 'enable' | 'create' | 'update' | 'grant' | 'revoke' | 'upload' | 'build' | 'keep'

/** One resource that a deploy manages. */
export interface PlannedChange {
  /** `keep`: it needs no change. */
  action: PlannedAction
  /** Its full name. */
  resource: string
  /** The fields that an update changes, by their names in the API. */
  fields?: readonly string[]
}

/** What the services run. */
export interface WithCode {
  code: {
    program: Program
    /** SHA-256 of the deployed source. */
    sourceHash: string
  }
}

/** The URL of the service main. */
export interface WithMain {
  mainUrl: string
}

/** The URL of the service populate. */
export interface WithPopulate {
  populateUrl: string
}

/** What a whole deploy leaves. */
export type DeployedContext = DeployContext & WithCode & WithMain & WithPopulate

interface InspectableStep<Needs extends object, Inspection, Outcome> {
  title: string
  /** The roles that it needs, to report when a refusal names no permission. */
  roles: readonly string[]
  /** Returns what must change and what is already done. Changes nothing. In a plan, it can lack what it needs. */
  inspect(context: DeployContext & Partial<Needs>): Promise<Inspection>
  /** Makes the changes. Called only if something must change. */
  apply(context: DeployContext & Needs, changes: readonly PlannedChange[], reporter: StepReporter): Promise<Outcome>
}

/** A step that can inspect without changing anything, so that all steps together give a plan. */
export type DeployStep<Needs extends object = object> = InspectableStep<Needs, PlannedChange[], StepOutcome>

/** The same, for a step that makes what later steps need. */
export type AddingStep<Needs extends object, Added extends object> = InspectableStep<
  Needs,
  /** `found`: what it would add, if that exists before any change. */
  { changes: PlannedChange[]; found?: Added },
  StepOutcome & { adds: Added }
>

/** Whether an API is disabled, so that it would refuse every call. */
export function isOff({ off }: DeployContext, api: string): boolean {
  return off.has(`${api}.googleapis.com`)
}

/** Whether a deploy builds its own image. */
export function isBuilding({ options }: Pick<DeployContext, 'options'>): boolean {
  return options.build && options.image === undefined
}

export function pendingChanges(changes: readonly PlannedChange[]): PlannedChange[] {
  return changes.filter(({ action }) => action !== 'keep')
}
