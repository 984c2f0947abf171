import { timestampOfMs } from '../../kernel/proto-time.ts'
import { randomBytes, randomUUID } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import { GoogleError } from '../../kernel/errors.ts'
import { cpuCount } from './container-validation.ts'
import {
  CONCURRENCY_BELOW_ONE_CPU,
  CONCURRENCY_DEFAULT,
  CONTAINER_PORT_DEFAULT,
  TIMEOUT_DEFAULT_SECONDS,
} from './limits.ts'
import { parseServiceName } from './resources.ts'
import type { Condition, Container, RevisionTemplate, Service } from './resources.ts'
import { pathNames } from '../../kernel/field-mask.ts'

/** The model's context besides the request. */
export interface ModelContext {
  clock: Clock
  projectNumber: string
  /** The caller. */
  email: string
}

/** What a caller may set; everything else of a service is output only. */
const MUTABLE_FIELDS = [
  'description',
  'labels',
  'annotations',
  'client',
  'clientVersion',
  'ingress',
  'launchStage',
  'template',
  'traffic',
  'scaling',
  'invokerIamDisabled',
  'defaultUriDisabled',
  'customAudiences',
] as const satisfies readonly (keyof Service)[]

/** Fields that clients send back unchanged; they have no effect in a mask. */
const IGNORED_MASK_FIELDS = ['name', 'etag']

/** `https://<service>-<project number>.<region>.run.app` (https://cloud.google.com/run/docs/triggering/https-request#deterministic). */
export function serviceUri(name: string, projectNumber: string): string {
  const { location, service } = parseServiceName(name)
  return `https://${service}-${projectNumber}.${location}.run.app`
}

/** Returns a service right after CreateService: requested, not yet deployed. */
export function createdService(name: string, wanted: Service, context: ModelContext): Service {
  const now = timestampOfMs(context.clock.now())
  const uri = serviceUri(name, context.projectNumber)
  const fresh = reconcilingConditions(context.clock)
  return {
    ...settings(wanted),
    name,
    uid: randomUUID(),
    generation: '1',
    createTime: now,
    updateTime: now,
    deleteTime: null,
    creator: context.email,
    lastModifier: context.email,
    template: templateWithDefaults(wanted.template, context),
    urls: wanted.defaultUriDisabled ? [] : [uri],
    uri: wanted.defaultUriDisabled ? '' : uri,
    observedGeneration: '0',
    ...fresh,
    latestReadyRevision: '',
    latestCreatedRevision: '',
    trafficStatuses: [],
    reconciling: true,
    etag: newEtag(),
  }
}

/**
 * Returns `current` with the fields of `wanted` in the mask (all when it is empty), the next generation, and
 * reconciling.
 */
export function updatedService(
  current: Service,
  wanted: Service,
  mask: readonly string[],
  context: ModelContext,
): Service {
  const merged = mergeMasked(current, wanted, mask)
  const uri = serviceUri(current.name, context.projectNumber)
  return {
    ...merged,
    ...settings(merged),
    template: templateWithDefaults(merged.template, context),
    generation: String(Number(current.generation) + 1),
    updateTime: timestampOfMs(context.clock.now()),
    lastModifier: context.email,
    urls: merged.defaultUriDisabled ? [] : [uri],
    uri: merged.defaultUriDisabled ? '' : uri,
    ...reconcilingConditions(context.clock),
    reconciling: true,
    etag: newEtag(),
  }
}

/** Refuses a write based on another version (https://google.aip.dev/154). An empty etag skips the check. */
export function checkEtag(service: Service, etag: string): void {
  if (etag === '' || etag === service.etag) return
  throw new GoogleError(
    'ABORTED',
    `Conflict for resource '${parseServiceName(service.name).service}': ` +
      `version '${etag}' was specified but current version is '${service.etag}'.`,
  )
}

/** Returns the service when a revision serves. It stays reconciling while another of its operations waits. */
export function readyService(
  service: Service,
  outcome: { latestReady: string; serving: string; isLast: boolean },
  clock: Clock,
): Service {
  const served: Service = {
    ...service,
    latestReadyRevision: outcome.latestReady,
    trafficStatuses: trafficStatuses(service, outcome.serving),
  }
  if (!outcome.isLast) return served
  return {
    ...served,
    observedGeneration: service.generation,
    terminalCondition: condition('Ready', 'CONDITION_SUCCEEDED', clock),
    conditions: [
      condition('RoutesReady', 'CONDITION_SUCCEEDED', clock),
      condition('ConfigurationsReady', 'CONDITION_SUCCEEDED', clock),
    ],
    reconciling: false,
  }
}

/** Returns the service after a failed deployment: the previous revision keeps serving. */
export function failedService(service: Service, message: string, clock: Clock): Service {
  const isServing = service.trafficStatuses.length > 0
  const failure = {
    ...condition('Ready', 'CONDITION_FAILED', clock, message),
    revisionReason: 'HEALTH_CHECK_CONTAINER_ERROR',
  }
  return {
    ...service,
    observedGeneration: service.generation,
    terminalCondition: failure,
    conditions: [
      condition('RoutesReady', isServing ? 'CONDITION_SUCCEEDED' : 'CONDITION_FAILED', clock, isServing ? '' : message),
      { ...failure, type: 'ConfigurationsReady' },
    ],
    reconciling: false,
  }
}

/** One of a resource's conditions (https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#condition). */
export function condition(type: string, state: Condition['state'], clock: Clock, message = ''): Condition {
  const severity = state === 'CONDITION_FAILED' ? 'ERROR' : 'SEVERITY_UNSPECIFIED'
  return { type, state, message, lastTransitionTime: timestampOfMs(clock.now()), severity }
}

/** An opaque version of a resource, quoted as HTTP's are. */
export function newEtag(): string {
  return `"${randomBytes(12).toString('base64url')}"`
}

function reconcilingConditions(clock: Clock): Pick<Service, 'terminalCondition' | 'conditions'> {
  return {
    terminalCondition: condition('Ready', 'CONDITION_RECONCILING', clock),
    conditions: [
      condition('RoutesReady', 'CONDITION_RECONCILING', clock),
      condition('ConfigurationsReady', 'CONDITION_RECONCILING', clock),
    ],
  }
}

function trafficStatuses(service: Service, revision: string): Service['trafficStatuses'] {
  return service.traffic.map((target) => ({ ...target, revision, uri: '' }))
}

const ALL_TRAFFIC_TO_LATEST: Service['traffic'] = [
  { type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', revision: '', percent: 100, tag: '' },
]

function settings(wanted: Service): Pick<Service, (typeof MUTABLE_FIELDS)[number]> {
  return {
    description: wanted.description,
    labels: wanted.labels,
    annotations: wanted.annotations,
    client: wanted.client,
    clientVersion: wanted.clientVersion,
    ingress: wanted.ingress === 'INGRESS_TRAFFIC_UNSPECIFIED' ? 'INGRESS_TRAFFIC_ALL' : wanted.ingress,
    launchStage: wanted.launchStage === 'LAUNCH_STAGE_UNSPECIFIED' ? 'GA' : wanted.launchStage,
    template: wanted.template,
    traffic: wanted.traffic.length === 0 ? ALL_TRAFFIC_TO_LATEST : wanted.traffic,
    scaling: wanted.scaling,
    invokerIamDisabled: wanted.invokerIamDisabled,
    defaultUriDisabled: wanted.defaultUriDisabled,
    customAudiences: wanted.customAudiences,
  }
}

/** Adds Google's defaults as a later GetService returns them. */
function templateWithDefaults(template: RevisionTemplate, context: ModelContext): RevisionTemplate {
  const cpus = cpuCount(template.containers[0]?.resources?.limits['cpu'] ?? '1')
  const concurrency = cpus < 1 ? CONCURRENCY_BELOW_ONE_CPU : CONCURRENCY_DEFAULT
  return {
    ...template,
    timeout: template.timeout ?? { seconds: String(TIMEOUT_DEFAULT_SECONDS), nanos: 0 },
    // https://cloud.google.com/run/docs/securing/service-identity#default_service_account
    serviceAccount: template.serviceAccount || `${context.projectNumber}-compute@developer.gserviceaccount.com`,
    maxInstanceRequestConcurrency: template.maxInstanceRequestConcurrency || concurrency,
    containers: template.containers.map(containerWithDefaults),
  }
}

function containerWithDefaults(container: Container): Container {
  const [port] = container.ports
  return {
    ...container,
    // The CPU is idle between requests unless resources say otherwise (proto comment of ResourceRequirements.cpu_idle).
    resources: {
      ...(container.resources ?? { cpuIdle: true, startupCpuBoost: false }),
      limits: { cpu: '1000m', memory: '512Mi', ...container.resources?.limits },
    },
    ports: [{ name: port?.name || 'http1', containerPort: port?.containerPort || CONTAINER_PORT_DEFAULT }],
  }
}

function mergeMasked(current: Service, wanted: Service, mask: readonly string[]): Service {
  const merged = structuredClone(current)
  const paths = mask.length === 0 || mask.includes('*') ? MUTABLE_FIELDS : mask
  for (const maskPath of paths) {
    const segments = pathNames(maskPath)
    const field = segments[0] ?? ''
    if (IGNORED_MASK_FIELDS.includes(field)) continue
    if (!(MUTABLE_FIELDS as readonly string[]).includes(field)) {
      throw new GoogleError('INVALID_ARGUMENT', `update_mask: "${maskPath}" is not a field that can be updated`)
    }
    copyPath(merged as unknown as Fields, wanted as unknown as Fields, segments, maskPath)
  }
  return merged
}

type Fields = Record<string, unknown>

function copyPath(target: Fields, source: Fields, segments: readonly string[], maskPath: string): void {
  const [segment = '', ...rest] = segments
  const from = source[segment]
  if (rest.length === 0 || target[segment] === null || from === null) {
    target[segment] = from
    return
  }
  if (Array.isArray(from) || typeof from !== 'object') {
    throw new GoogleError('INVALID_ARGUMENT', `update_mask: "${maskPath}" names a part of a field that has no parts`)
  }
  copyPath(target[segment] as Fields, from as Fields, rest, maskPath)
}
