import { timestampOfMs } from '../../kernel/proto-time.ts'
import { randomInt, randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { Clock } from '../../kernel/clock.ts'
import { MAX_INSTANCES_DEFAULT, TIMEOUT_DEFAULT_SECONDS } from './limits.ts'
import type { PoolSettings } from './pool.ts'
import { parseServiceName } from './resources.ts'
import type { Revision, RevisionTemplate, Service } from './resources.ts'
import { condition, newEtag } from './services.ts'

/** The letters and digits in generated names: no characters that look alike, no vowels that form words. */
const SUFFIX_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789'

/** The full name of the service's next revision: the requested one, or `<service>-00001-abc` by its generation. */
export function nextRevisionName(service: Service): string {
  if (service.template.revision !== '') return `${service.name}/revisions/${service.template.revision}`
  const suffix = Array.from({ length: 3 }, () => SUFFIX_ALPHABET[randomInt(SUFFIX_ALPHABET.length)]).join('')
  const { service: id } = parseServiceName(service.name)
  return `${service.name}/revisions/${id}-${service.generation.padStart(5, '0')}-${suffix}`
}

/** Whether the change from one template to the other needs a new revision. */
export function isNewTemplate(before: RevisionTemplate, after: RevisionTemplate): boolean {
  // Stored templates went through JSON, which drops what is undefined.
  return !isDeepStrictEqual(JSON.parse(JSON.stringify(before)), JSON.parse(JSON.stringify(after)))
}

/** An immutable revision of the service's template, not yet ready. */
export function createdRevision(name: string, service: Service, logUri: string, clock: Clock): Revision {
  const { template } = service
  const now = timestampOfMs(clock.now())
  return {
    name,
    uid: randomUUID(),
    generation: '1',
    labels: template.labels,
    annotations: template.annotations,
    createTime: now,
    updateTime: now,
    launchStage: service.launchStage,
    service: service.name,
    scaling: { minInstanceCount: template.scaling?.minInstanceCount ?? 0, maxInstanceCount: maxInstances(template) },
    maxInstanceRequestConcurrency: template.maxInstanceRequestConcurrency,
    timeout: template.timeout ?? { seconds: String(TIMEOUT_DEFAULT_SECONDS), nanos: 0 },
    serviceAccount: template.serviceAccount,
    containers: template.containers,
    executionEnvironment: template.executionEnvironment,
    reconciling: true,
    conditions: [condition('Ready', 'CONDITION_RECONCILING', clock)],
    observedGeneration: '0',
    logUri,
    creator: service.lastModifier,
    etag: newEtag(),
  }
}

/**
 * Returns the revision with image digests, so that a tag that moves later does not change it
 * (https://cloud.google.com/run/docs/deploying#images).
 */
export function pinnedRevision(revision: Revision, pinned: (image: string) => string): Revision {
  const containers = revision.containers.map((container) => ({ ...container, image: pinned(container.image) }))
  return { ...revision, containers }
}

/** Returns the revision after its deployment: ready, or failed with `failure`. */
export function settledRevision(revision: Revision, failure: string | undefined, clock: Clock): Revision {
  const state = failure === undefined ? 'CONDITION_SUCCEEDED' : 'CONDITION_FAILED'
  return {
    ...revision,
    updateTime: timestampOfMs(clock.now()),
    reconciling: false,
    observedGeneration: revision.generation,
    conditions: ['Ready', 'ContainerHealthy'].map((type) => condition(type, state, clock, failure ?? '')),
  }
}

/** Whether the revision can serve. */
export function isReady(revision: Revision): boolean {
  return revision.conditions.some(({ type, state }) => type === 'Ready' && state === 'CONDITION_SUCCEEDED')
}

/**
 * Returns the maximum instances of the revision: the lowest of the service's limit, the revision's limit
 * (https://cloud.google.com/run/docs/configuring/max-instances), and this machine's.
 */
export function poolSettings(service: Service, revision: Revision, maxProcesses: number): PoolSettings {
  const most = Math.min(
    service.scaling?.maxInstanceCount || Number.POSITIVE_INFINITY,
    revision.scaling?.maxInstanceCount || MAX_INSTANCES_DEFAULT,
    maxProcesses,
  )
  const least = Math.max(service.scaling?.minInstanceCount ?? 0, revision.scaling?.minInstanceCount ?? 0)
  return {
    concurrency: revision.maxInstanceRequestConcurrency,
    maxInstances: most,
    minInstances: Math.min(least, most),
  }
}

function maxInstances(template: RevisionTemplate): number {
  return template.scaling?.maxInstanceCount || MAX_INSTANCES_DEFAULT
}
