import { describe, expect, test } from 'vitest'
import { changedFields } from '../../../src/google/cloud-run/drift.ts'
import { serviceMessage, type IService, type ServiceSpec } from '../../../src/google/cloud-run/service-message.ts'

const SPEC: ServiceSpec = {
  program: { image: 'us-central1-docker.pkg.dev/p/imagery/runtime@sha256:1' },
  sourceHash: 'hash',
  args: ['main.js'],
  environment: { IMAGERY_PROJECT: 'p', IMAGERY_REGION: 'us-central1' },
  serviceAccount: 'imagery-runtime@p.iam.gserviceaccount.com',
  concurrency: 8,
  minInstances: 0,
  maxInstances: 100,
  ingress: 'all',
  timeoutSeconds: 1_800,
  memory: '2Gi',
  cpu: '2',
  labels: {},
}

type Template = NonNullable<IService['template']>
type Container = NonNullable<Template['containers']>[number]

/** A service as read back: the request, Cloud Run's defaults, and changes. */
function read(
  changes: { service?: IService; template?: Template; container?: Container } = {},
  spec: ServiceSpec = SPEC,
): IService {
  const asked = serviceMessage(spec)
  const [container] = asked.template!.containers!
  return {
    ...asked,
    uid: 'u',
    generation: '3',
    launchStage: 'GA',
    annotations: { 'run.example/note': 'by hand' },
    traffic: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 }],
    scaling: { maxInstanceCount: 100, scalingMode: 'AUTOMATIC' },
    ...changes.service,
    template: {
      ...asked.template,
      timeout: { seconds: '1800', nanos: 0 },
      executionEnvironment: 'EXECUTION_ENVIRONMENT_GEN2',
      ...changes.template,
      containers: [
        {
          ...container,
          name: 'imagery-1',
          ports: [{ name: 'http1', containerPort: 8080 }],
          startupProbe: {
            ...container!.startupProbe,
            initialDelaySeconds: 0,
            httpGet: { path: '/healthz', port: 8080, httpHeaders: [] },
          },
          ...changes.container,
        },
        ...(changes.template?.containers ?? []),
      ],
    },
  }
}

const ENV = serviceMessage(SPEC).template!.containers![0]!.env!
const RESOURCES = serviceMessage(SPEC).template!.containers![0]!.resources!

describe('a service matches what was requested', () => {
  test.each<[string, IService]>([
    ['when Cloud Run has filled in what was left out', read()],
    ['when its environment is in another order', read({ container: { env: ENV.toReversed() } })],
    [
      'when its quantities are written in another form',
      read({ container: { resources: { ...RESOURCES, limits: { cpu: '2000m', memory: '2048Mi' } } } }),
    ],
    [
      'when a revision has a tag without traffic',
      read({
        service: {
          traffic: [
            { type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 },
            { type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', revision: 'r', tag: 'old' },
          ],
        },
      }),
    ],
    ['when it has a network that imagery does not manage', read({ template: { vpcAccess: { connector: 'c' } } })],
  ])('%s', (_what, existing) => {
    expect(changedFields(existing, serviceMessage(SPEC))).toEqual([])
  })

  test.each(['with', 'without'])('%s a reference to its archive, whose generation is unspecified', (word) => {
    const archive = { bucket: 'b', object: 'deploy/plain.tar.gz' }
    const spec: ServiceSpec = { ...SPEC, program: { archive } }
    const sourceCode = word === 'with' ? { cloudStorageSource: { ...archive, generation: '2' } } : null
    expect(changedFields(read({ container: { sourceCode } }, spec), serviceMessage(spec))).toEqual([])
  })
})

describe('a manual change is named', () => {
  test.each<[string, Parameters<typeof read>[0]]>([
    ['ingress', { service: { ingress: 'INGRESS_TRAFFIC_INTERNAL_ONLY' } }],
    ['traffic', { service: { traffic: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', percent: 100 }] } }],
    ['invokerIamDisabled', { service: { invokerIamDisabled: true } }],
    ['iapEnabled', { service: { iapEnabled: true } }],
    ['defaultUriDisabled', { service: { defaultUriDisabled: true } }],
    ['customAudiences', { service: { customAudiences: ['https://other.example'] } }],
    ['scaling.minInstanceCount', { service: { scaling: { minInstanceCount: 1, maxInstanceCount: 100 } } }],
    ['scaling.maxInstanceCount', { service: { scaling: { maxInstanceCount: 20 } } }],
    [
      'scaling.scalingMode',
      { service: { scaling: { scalingMode: 'MANUAL', manualInstanceCount: 1, maxInstanceCount: 100 } } },
    ],
    ['template.serviceAccount', { template: { serviceAccount: 'other@p.iam.gserviceaccount.com' } }],
    ['template.timeout', { template: { timeout: { seconds: '300' } } }],
    ['template.maxInstanceRequestConcurrency', { template: { maxInstanceRequestConcurrency: 80 } }],
    ['template.scaling.minInstanceCount', { template: { scaling: { minInstanceCount: 2, maxInstanceCount: 100 } } }],
    ['template.scaling.maxInstanceCount', { template: { scaling: { maxInstanceCount: 3 } } }],
    ['template.containers', { template: { containers: [{ image: 'sidecar' }] } }],
    ['image', { container: { image: 'us-central1-docker.pkg.dev/p/imagery/runtime@sha256:2' } }],
    ['env.IMAGERY_REGION', { container: { env: ENV.slice(0, 1) } }],
    ['env.IMAGERY_PROJECT', { container: { env: [{ name: 'IMAGERY_PROJECT', value: 'q' }, ENV[1]!] } }],
    ['env.OTHER', { container: { env: [...ENV, { name: 'OTHER', value: '' }] } }],
    ['command', { container: { command: ['sh'] } }],
    ['args', { container: { args: ['populate.js'] } }],
    ['resources.limits.cpu', { container: { resources: { ...RESOURCES, limits: { cpu: '1', memory: '2Gi' } } } }],
    ['resources.limits.memory', { container: { resources: { ...RESOURCES, limits: { cpu: '2', memory: '2G' } } } }],
    ['resources.cpuIdle', { container: { resources: { ...RESOURCES, cpuIdle: false } } }],
    ['resources.startupCpuBoost', { container: { resources: { ...RESOURCES, startupCpuBoost: false } } }],
    ['startupProbe.failureThreshold', { container: { startupProbe: { ...startupProbe(), failureThreshold: 3 } } }],
  ])('%s', (field, changes) => {
    expect(changedFields(read(changes), serviceMessage(SPEC))).toEqual([field])
  })
})

function startupProbe() {
  return serviceMessage(SPEC).template!.containers![0]!.startupProbe!
}
