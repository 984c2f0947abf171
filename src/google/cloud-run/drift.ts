import type { IService } from './service-message.ts'

type ITemplate = NonNullable<IService['template']>
type IContainer = NonNullable<ITemplate['containers']>[number]
type IProbe = NonNullable<IContainer['startupProbe']>

/** Values by the names of their fields. */
type Fields = Record<string, unknown>

/**
 * The fields of a service that are not as a deployment asks for them, because they were changed since
 * or because another deployment asked for others.
 *
 * Looked at is what imagery sets, and what would let a service answer other callers, or with another
 * revision, than it was deployed for. Cloud Run fills in whatever is left out (ports, execution environment,
 * annotations, the upper bound of a service's instances), so that nothing else can be compared; and it may write
 * quantities in another form.
 *
 * @param existing as GetService answers it
 * @param wanted as CreateService was, or would be, given it
 */
export function changedFields(existing: IService, wanted: IService): string[] {
  const has = ownFields(existing)
  const wants = ownFields(wanted)
  if (has['image'] === 'scratch' && wants['sourceCode'] !== undefined) {
    delete has['image']
    delete wants['sourceCode']
  }
  return [...new Set([...Object.keys(wants), ...Object.keys(has)])].filter((field) => has[field] !== wants[field])
}

function ownFields(service: IService): Fields {
  const template = service.template ?? {}
  const [container = {}, ...others] = template.containers ?? []
  return {
    ingress: service.ingress,
    traffic: isAllToLatest(service.traffic ?? []) ? 'latest revision' : 'others',
    invokerIamDisabled: service.invokerIamDisabled ?? false,
    iapEnabled: service.iapEnabled ?? false,
    defaultUriDisabled: service.defaultUriDisabled ?? false,
    customAudiences: JSON.stringify(service.customAudiences ?? []),
    // A service has a lower bound beside that of its revisions, or a number set by hand.
    'scaling.minInstanceCount': service.scaling?.minInstanceCount ?? 0,
    'scaling.scalingMode': service.scaling?.scalingMode === 'MANUAL' ? 'MANUAL' : 'AUTOMATIC',
    'template.serviceAccount': template.serviceAccount,
    'template.timeout': Number(template.timeout?.seconds ?? 0),
    'template.maxInstanceRequestConcurrency': template.maxInstanceRequestConcurrency,
    'template.scaling.minInstanceCount': template.scaling?.minInstanceCount ?? 0,
    'template.scaling.maxInstanceCount': template.scaling?.maxInstanceCount ?? 0,
    'template.containers': others.length + 1,
    ...programFields(container),
    ...environmentFields(container),
    command: JSON.stringify(container.command ?? []),
    args: JSON.stringify(container.args ?? []),
    'resources.limits.cpu': quantity(container.resources?.limits?.['cpu']),
    'resources.limits.memory': quantity(container.resources?.limits?.['memory']),
    'resources.cpuIdle': container.resources?.cpuIdle ?? false,
    'resources.startupCpuBoost': container.resources?.startupCpuBoost ?? false,
    ...probeFields('startupProbe', container.startupProbe ?? {}),
    ...probeFields('livenessProbe', container.livenessProbe ?? {}),
  }
}

/** What a service without any word of traffic gets. A tag without a share of it changes nothing. */
function isAllToLatest(traffic: NonNullable<IService['traffic']>): boolean {
  return traffic.every(({ type, percent }) => type === 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST' || !percent)
}

/**
 * An archive that was uploaded again has another generation, and is the same. A service without an image of its own
 * (`scratch`) that does not tell of its archive is told apart by its label alone.
 */
function programFields({ image, sourceCode }: IContainer): Fields {
  const archive = sourceCode?.cloudStorageSource
  if (archive) return { sourceCode: `gs://${archive.bucket}/${archive.object}` }
  return { image }
}

function environmentFields({ env }: IContainer): Fields {
  return Object.fromEntries(
    (env ?? []).map(({ name, value, valueSource }) => [
      `env.${name}`,
      // Over the wire an empty value and none are one.
      valueSource ? JSON.stringify(valueSource) : (value ?? ''),
    ]),
  )
}

function probeFields(name: string, probe: IProbe): Fields {
  return {
    [`${name}.httpGet.path`]: probe.httpGet?.path,
    [`${name}.periodSeconds`]: probe.periodSeconds,
    [`${name}.timeoutSeconds`]: probe.timeoutSeconds,
    [`${name}.failureThreshold`]: probe.failureThreshold,
  }
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
}

/** A quantity as Kubernetes writes it, by its value: `2`, `2000m`, `512Mi`. */
function quantity(text: string | undefined): number | string | undefined {
  const [, figures, unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text ?? '') ?? []
  const factor = UNITS[unit]
  return figures === undefined || factor === undefined ? text : Number(figures) * factor
}
