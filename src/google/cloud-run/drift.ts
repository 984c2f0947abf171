import type { IService } from './service-message.ts'

type ITemplate = NonNullable<IService['template']>
type IContainer = NonNullable<ITemplate['containers']>[number]
type IProbe = NonNullable<IContainer['startupProbe']>

/** Values by field name. */
type Fields = Record<string, unknown>

/**
 * Returns the fields of a service that differ from the deployment, because they were changed later or by another
 * deployment.
 *
 * Compares what imagery sets, and everything that would expose a service to other callers or route to another
 * revision. Nothing else can be compared, because Cloud Run fills in omitted fields (ports, execution
 * environment, annotations, maximum instances). It can also write quantities in another form.
 *
 * @param existing as GetService returns it
 * @param wanted as passed to CreateService
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
    // A service has its own minimum and maximum besides those of its revisions, or a manually set number.
    'scaling.minInstanceCount': service.scaling?.minInstanceCount ?? 0,
    'scaling.maxInstanceCount': service.scaling?.maxInstanceCount ?? 0,
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

/** The default for a service without a traffic setting. A tag without a share changes nothing. */
function isAllToLatest(traffic: NonNullable<IService['traffic']>): boolean {
  return traffic.every(({ type, percent }) => type === 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST' || !percent)
}

/**
 * An archive that was uploaded again has another generation but the same content. A service without its own image
 * (`scratch`) that does not report its archive is compared by its label alone.
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
      // On the wire, an empty value and no value are the same.
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

/** Returns the value of a Kubernetes quantity: `2`, `2000m`, `512Mi`. */
function quantity(text: string | undefined): number | string | undefined {
  const [, figures, unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(text ?? '') ?? []
  const factor = UNITS[unit]
  return figures === undefined || factor === undefined ? text : Number(figures) * factor
}
