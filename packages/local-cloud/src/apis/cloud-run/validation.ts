import { durationMs } from '../../kernel/proto-time.ts'
import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import { validateContainer } from './container-validation.ts'
import {
  CONCURRENCY_MAX,
  CUSTOM_AUDIENCES_MAX_LENGTH,
  DESCRIPTION_MAX_LENGTH,
  LABEL_MAX_LENGTH,
  LABELS_MAX_COUNT,
  REVISION_NAME_MAX_LENGTH,
  SERVICE_ID_MAX_LENGTH,
  TIMEOUT_MAX_SECONDS,
} from './limits.ts'

import type { RevisionTemplate, Service } from './resources.ts'

const DNS_LABEL = /^[a-z]([-a-z0-9]*[a-z0-9])?$/

/** https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#createservicerequest */
export function validateServiceId(serviceId: string): void {
  if (serviceId.length > SERVICE_ID_MAX_LENGTH || !DNS_LABEL.test(serviceId)) {
    throw invalid(
      'service_id',
      `"${serviceId}" must use only lowercase alphanumeric characters and dashes, begin with a letter, ` +
        `not end with a dash, and be at most ${SERVICE_ID_MAX_LENGTH} characters long`,
    )
  }
}

/**
 * Checks a requested service against Google's rules, and refuses by name what the local cloud does not
 * support. https://cloud.google.com/run/docs/reference/rpc/google.cloud.run.v2#service
 */
export function validateService(serviceId: string, service: Service): void {
  refuseUnsupported(service)
  if (service.description.length > DESCRIPTION_MAX_LENGTH) {
    throw invalid('service.description', `must be at most ${DESCRIPTION_MAX_LENGTH} characters`)
  }
  validateLabels('service.labels', service.labels)
  if (JSON.stringify(service.customAudiences).length > CUSTOM_AUDIENCES_MAX_LENGTH) {
    throw invalid('service.custom_audiences', `must be at most ${CUSTOM_AUDIENCES_MAX_LENGTH} characters as JSON`)
  }
  validateTraffic(service)
  validateScaling('service.scaling', service.scaling)
  validateTemplate(serviceId, service.template)
}

function validateTemplate(serviceId: string, template: RevisionTemplate): void {
  validateLabels('template.labels', template.labels)
  validateScaling('template.scaling', template.scaling)
  if (template.revision !== '') {
    const legal = DNS_LABEL.test(template.revision) && template.revision.length <= REVISION_NAME_MAX_LENGTH
    if (!legal || !template.revision.startsWith(`${serviceId}-`)) {
      throw invalid(
        'template.revision',
        `"${template.revision}" must be a DNS label of at most ${REVISION_NAME_MAX_LENGTH} characters ` +
          `that begins with "${serviceId}-"`,
      )
    }
  }
  const concurrency = template.maxInstanceRequestConcurrency
  if (concurrency < 0 || concurrency > CONCURRENCY_MAX) {
    throw invalid('template.max_instance_request_concurrency', `must be between 1 and ${CONCURRENCY_MAX}`)
  }
  if (template.timeout) {
    const timeoutMs = durationMs(template.timeout)
    if (timeoutMs <= 0 || timeoutMs > TIMEOUT_MAX_SECONDS * 1_000) {
      throw invalid('template.timeout', `must be more than 0 and at most ${TIMEOUT_MAX_SECONDS} seconds`)
    }
  }
  if (template.serviceAccount !== '' && !/^[^@\s/]+@[^@\s/]+$/.test(template.serviceAccount)) {
    throw invalid('template.service_account', `"${template.serviceAccount}" is not the email of a service account`)
  }
  if (template.containers.length === 0) throw invalid('template.containers', 'exactly one container is required')
  if (template.containers.length > 1) throw notEmulated('a service of more than one container (sidecars)')
  for (const container of template.containers) validateContainer(container, concurrency)
}

function validateScaling(field: string, scaling: { minInstanceCount: number; maxInstanceCount: number } | null): void {
  if (!scaling) return
  const { minInstanceCount, maxInstanceCount } = scaling
  if (minInstanceCount < 0) throw invalid(`${field}.min_instance_count`, 'must not be negative')
  if (maxInstanceCount < 0) throw invalid(`${field}.max_instance_count`, 'must not be negative')
  if (maxInstanceCount > 0 && minInstanceCount > maxInstanceCount) {
    throw invalid(`${field}.min_instance_count`, 'must not be greater than max_instance_count')
  }
}

/** https://cloud.google.com/run/docs/configuring/labels; system namespaces are rejected by the v2 API. */
function validateLabels(field: string, labels: Record<string, string>): void {
  const entries = Object.entries(labels)
  if (entries.length > LABELS_MAX_COUNT) throw invalid(field, `at most ${LABELS_MAX_COUNT} labels are allowed`)
  for (const [key, value] of entries) {
    if (/^(run|cloud)\.googleapis\.com\/|^(serving|autoscaling)\.knative\.dev\//.test(key)) {
      throw invalid(field, `"${key}" is in a system namespace`)
    }
    if (key.length > LABEL_MAX_LENGTH || !/^[a-z][-_a-z0-9]*$/.test(key)) {
      throw invalid(field, `"${key}" is not a label key`)
    }
    if (value.length > LABEL_MAX_LENGTH || !/^[-_a-z0-9]*$/.test(value)) {
      throw invalid(field, `"${value}" is not a label value`)
    }
  }
}

/** https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration; only undivided traffic is emulated. */
function validateTraffic(service: Service): void {
  const { traffic } = service
  if (traffic.some((target) => target.tag !== '')) throw notEmulated('a traffic tag')
  if (traffic.length > 1) throw notEmulated('traffic divided between revisions')
  for (const target of traffic) {
    if (target.percent !== 100) throw invalid('service.traffic', 'the percentages must add up to 100')
    const pinned = target.type === 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION'
    if (pinned !== (target.revision !== '')) {
      throw invalid('service.traffic', 'a revision must be named exactly when the type is REVISION')
    }
  }
}

function refuseUnsupported(service: Service): void {
  const { template } = service
  const refusals: [boolean | undefined, string][] = [
    [service.binaryAuthorization != null, 'binaryAuthorization'],
    [service.iapEnabled, 'iapEnabled'],
    [service.multiRegionSettings != null, 'multiRegionSettings'],
    [service.buildConfig != null, 'buildConfig'],
    [service.threatDetectionEnabled, 'threatDetectionEnabled'],
    [service.ingress === 'INGRESS_TRAFFIC_NONE', `ingress ${service.ingress}`],
    [service.scaling?.scalingMode === 'MANUAL', 'scaling.scalingMode MANUAL'],
    [template.vpcAccess !== null, 'template.vpcAccess'],
    [template.volumes.length > 0, 'template.volumes'],
    [template.encryptionKey !== '', 'template.encryptionKey'],
    [template.serviceMesh !== null, 'template.serviceMesh'],
    [template.sessionAffinity, 'template.sessionAffinity'],
    [template.nodeSelector !== null, 'template.nodeSelector'],
  ]
  for (const [refused, field] of refusals) if (refused) throw notEmulated(`Service.${field}`)
}

/** A request that breaks one of Google's rules: INVALID_ARGUMENT, naming the field. */
export function invalid(field: string, description: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', `${field}: ${description}`, { location: field })
}
