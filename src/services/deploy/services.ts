import { REQUESTS_PER_INSTANCE } from '../../contracts/concurrency.ts'
import { CHECK_TOKENS_VARIABLE } from '@imagery/local-cloud/contract/front-door'
import { bucketName, invokerAccount, mainService, populateService, runtimeAccount } from '../../contracts/names.ts'
import { localCloud } from '../../google/transport/environment.ts'
import { describeService, fieldsToChange, matchesRequest, type ServiceSpec } from '../../google/cloud-run/services.ts'
import { isOff, type DeployContext, type DeployStep } from './context.ts'
import { deployWithinQuota, instancesText, rememberQuota } from './within-quota.ts'
import { deploymentLabels, INSTANCES_LABEL } from '../../contracts/labels.ts'

export const main: DeployStep = serviceStep({
  title: 'Service main',
  id: (context) => mainService(context.target.place),
  spec: mainSpec,
  found: (context, url) => {
    context.mainUrl = url
  },
})

export const populate: DeployStep = serviceStep({
  title: 'Service populate',
  id: (context) => populateService(context.target.place),
  spec: populateSpec,
  found: (context, url) => {
    context.populateUrl = url
  },
})

function serviceStep(service: {
  title: string
  id: (context: DeployContext) => string
  /** Undefined while a resource that it needs is missing. */
  spec: (context: DeployContext) => ServiceSpec | undefined
  found: (context: DeployContext, url: string) => void
}): DeployStep {
  return {
    title: service.title,
    roles: ['roles/run.admin'],
    async inspect(context) {
      const { place } = context.target
      const id = service.id(context)
      const resource = `Cloud Run service ${id} in ${place.region}`
      const existing = isOff(context, 'run') ? undefined : await describeService(place, id)
      if (existing) service.found(context, existing.url)
      if (!existing) return [{ action: 'create', resource }]
      rememberQuota(context, id, existing)
      const spec = service.spec(context)
      const isKept = spec !== undefined && matchesRequest(existing, spec)
      context.outcomes[id] = isKept ? 'unchanged' : 'to be updated'
      if (isKept) return [{ action: 'keep', resource }]
      return [{ action: 'update', resource, ...(spec && { fields: fieldsToChange(existing, spec) }) }]
    },
    async apply(context, _, reporter) {
      const id = service.id(context)
      const { url, outcome } = await deployWithinQuota(context, id, () => service.spec(context)!, reporter)
      context.outcomes[id] = outcome
      service.found(context, url)
      const allowed = context.allowedInstances[id]
      return { done: allowed === undefined ? url : `${url}, at most ${instancesText(allowed)}` }
    },
  }
}

function commonSpec({ target: { place }, program, sourceHash, options }: DeployContext) {
  return {
    program: program!,
    sourceHash: sourceHash!,
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
function mainSpec(context: DeployContext): ServiceSpec | undefined {
  if (!context.program) return undefined
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
function populateSpec(context: DeployContext): ServiceSpec | undefined {
  if (!context.program || context.mainUrl === undefined) return undefined
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
