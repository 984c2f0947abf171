import { REQUESTS_PER_INSTANCE } from '../../contracts/concurrency.ts'
import { CHECK_TOKENS_VARIABLE } from '@imagery/local-cloud/contract/front-door'
import { bucketName, invokerAccount, mainService, populateService, runtimeAccount } from '../../contracts/names.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { describeService, fieldsToChange, matchesRequest, type ServiceSpec } from '../../google/cloud-run/services.ts'
import {
  isOff,
  type AddingStep,
  type DeployContext,
  type WithCode,
  type WithMain,
  type WithPopulate,
} from './context.ts'
import { deployWithinQuota, instancesText, rememberQuota } from './within-quota.ts'
import { deploymentLabels, INSTANCES_LABEL } from '../../contracts/labels.ts'

export const main = serviceStep<WithCode, WithMain>({
  title: 'Service main',
  id: (context) => mainService(context.target.place),
  spec: mainSpec,
  plannedSpec: ({ code, ...context }) => code && mainSpec({ ...context, code }),
  adds: (mainUrl) => ({ mainUrl }),
})

export const populate = serviceStep<WithCode & WithMain, WithPopulate>({
  title: 'Service populate',
  id: (context) => populateService(context.target.place),
  spec: populateSpec,
  plannedSpec: ({ code, mainUrl, ...context }) =>
    code && mainUrl !== undefined ? populateSpec({ ...context, code, mainUrl }) : undefined,
  adds: (populateUrl) => ({ populateUrl }),
})

function serviceStep<Needs extends object, Added extends object>(service: {
  title: string
  id: (context: DeployContext) => string
  spec: (context: DeployContext & Needs) => ServiceSpec
  /** Undefined while a resource that it needs is missing. */
  plannedSpec: (context: DeployContext & Partial<Needs>) => ServiceSpec | undefined
  adds: (url: string) => Added
}): AddingStep<Needs, Added> {
  return {
    title: service.title,
    roles: ['roles/run.admin'],
    async inspect(context) {
      const { place } = context.target
      const id = service.id(context)
      const resource = `Cloud Run service ${id} in ${place.region}`
      const existing = isOff(context, 'run') ? undefined : await describeService(place, id)
      if (!existing) return { changes: [{ action: 'create', resource }] }
      rememberQuota(context, id, existing)
      const found = service.adds(existing.url)
      const spec = service.plannedSpec(context)
      const isKept = spec !== undefined && matchesRequest(existing, spec)
      context.outcomes[id] = isKept ? 'unchanged' : 'to be updated'
      if (isKept) return { changes: [{ action: 'keep', resource }], found }
      const fields = spec && { fields: fieldsToChange(existing, spec) }
      return { changes: [{ action: 'update', resource, ...fields }], found }
    },
    async apply(context, _, reporter) {
      const id = service.id(context)
      const { url, outcome } = await deployWithinQuota(context, id, () => service.spec(context), reporter)
      context.outcomes[id] = outcome
      const allowed = context.allowedInstances[id]
      const done = allowed === undefined ? url : `${url}, at most ${instancesText(allowed)}`
      return { done, adds: service.adds(url) }
    },
  }
}

function commonSpec({ target: { place }, code, options }: DeployContext & WithCode) {
  return {
    ...code,
    serviceAccount: runtimeAccount(place),
    ingress: options.ingress,
    environment: {
      IMAGERY_PROJECT: place.projectId,
      IMAGERY_REGION: place.region,
      IMAGERY_BUCKET: bucketName(place),
      ...(checksCallers(options) && { [CHECK_TOKENS_VARIABLE]: 'on', IMAGERY_INVOKER: invokerAccount(place) }),
    },
  }
}

/**
 * Whether the services themselves check who calls their ports. They need not on Google Cloud, where
 * only Cloud Run's front end reaches them. A user's own image can be another version, so the local
 * Cloud Run keeps callers away from it instead.
 */
function checksCallers({ image }: DeployContext['options']): boolean {
  return localCloud() !== undefined && image === undefined
}

/**
 * Maximum instances that a new project has room for: its quota of 20 CPUs in a region
 * (googlecodelabs/feedback#1856) counts the running instances of all services
 * (https://cloud.google.com/run/docs/configuring/max-instances-limits), and leaves populate 4 of them. Eight instances
 * of main run 1,600 tasks at once.
 */
export const MAIN_INSTANCES = 8
const POPULATE_INSTANCES = 4

/** Returns the maximum instances of a service, and the label that says who decided on them. */
function maximum(
  context: DeployContext,
  id: string,
  usual: number,
  chosen?: number,
): { maxInstances: number; labels: Record<string, string> } {
  const allowed = context.allowedInstances[id]
  const decided = chosen !== undefined ? 'flag' : allowed !== undefined ? 'quota' : 'default'
  return {
    maxInstances: chosen ?? Math.min(usual, allowed ?? usual),
    labels: { ...deploymentLabels(context.target.place), [INSTANCES_LABEL]: decided },
  }
}

/** An asset can take long with a slow model, so main has the longest deadline of Cloud Tasks, 30 minutes. */
function mainSpec(context: DeployContext & WithCode): ServiceSpec {
  const { minInstances, maxInstances, modelOrigins } = context.options
  const usual = Math.max(MAIN_INSTANCES, minInstances)
  const common = commonSpec(context)
  const origins = modelOrigins.length > 0 ? { IMAGERY_MODEL_ORIGINS: modelOrigins.join(',') } : {}
  const size = {
    concurrency: REQUESTS_PER_INSTANCE,
    minInstances,
    ...maximum(context, mainService(context.target.place), usual, maxInstances),
    timeoutSeconds: 1_800,
    memory: '2Gi',
    cpu: '2',
  }
  return { ...common, ...size, environment: { ...common.environment, ...origins }, args: ['main.js'] }
}

/**
 * Megabytes of V8's heap for old and new objects. Populate holds a few pages of rows and batches of
 * tasks, regardless of the size of the run. By default, V8 would let short-lived objects grow to more
 * than twice as much before it collects them.
 */
const POPULATE_HEAP = ['--max-old-space-size=192', '--max-semi-space-size=8']

/** A shard has the longest acknowledgment deadline of Pub/Sub, 10 minutes. */
function populateSpec(context: DeployContext & WithCode & WithMain): ServiceSpec {
  const common = commonSpec(context)
  return {
    ...common,
    environment: {
      ...common.environment,
      IMAGERY_MAIN_URL: context.mainUrl,
      IMAGERY_INVOKER: invokerAccount(context.target.place),
    },
    concurrency: 4,
    minInstances: 0,
    ...maximum(context, populateService(context.target.place), POPULATE_INSTANCES),
    timeoutSeconds: 600,
    memory: '512Mi',
    cpu: '1',
    args: [...POPULATE_HEAP, 'populate.js'],
  }
}
