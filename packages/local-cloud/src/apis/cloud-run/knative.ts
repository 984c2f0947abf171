import { type ProtoTime } from '../../kernel/proto-time.ts'
import { Hono } from 'hono'
import type { HttpFace } from '../../kernel/api.ts'
import { statusResponse, type Operation } from '../../kernel/gateway.ts'
import type { Condition, Service } from './resources.ts'
import { parseServiceName } from './resources.ts'
import type { RunStore } from './store.ts'

const PATH = '/v1/projects/:project/locations/:location/services'

/**
 * The one method of the Admin API v1 that is emulated: `gcloud run services list` uses it to list the
 * services of a region, or of all (`-`), in Knative's shape
 * (https://cloud.google.com/run/docs/reference/rest/v1/projects.locations.services/list).
 */
export function knativeFace(store: RunStore, projectNumber: string, operation: Operation): HttpFace {
  const app = new Hono()
  app.onError((error) => statusResponse(error))
  app.get(
    PATH,
    operation(
      'run.projects.locations.services.list',
      (context) => {
        const { project = '', location = '' } = context.req.param()
        const parent = `projects/${project}/locations${location === '-' ? '' : `/${location}`}`
        const items = store.servicesUnder(parent).filter(({ deleteTime }) => !deleteTime)
        return context.json({
          apiVersion: 'serving.knative.dev/v1',
          kind: 'ServiceList',
          items: items.map((service) => knativeService(service, projectNumber)),
        })
      },
      {
        needs: (context) => [{ permission: 'run.services.list', resource: `projects/${context.req.param('project')}` }],
      },
    ),
  )
  return { prefixes: [], patterns: [/^\/v1\/projects\/[^/]+\/locations\/[^/]+\/services$/], app }
}

/** A service as the Admin API v1 shows it (https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services#Service). */
function knativeService(service: Service, projectNumber: string): object {
  const { location, service: name } = parseServiceName(service.name)
  return {
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: {
      name,
      namespace: projectNumber,
      uid: service.uid,
      generation: Number(service.generation),
      creationTimestamp: time(service.createTime),
      labels: { ...service.labels, 'cloud.googleapis.com/location': location },
      annotations: {
        ...service.annotations,
        'serving.knative.dev/creator': service.creator,
        'serving.knative.dev/lastModifier': service.lastModifier,
      },
    },
    spec: {
      template: {
        spec: {
          containerConcurrency: service.template.maxInstanceRequestConcurrency,
          serviceAccountName: service.template.serviceAccount,
          timeoutSeconds: Number(service.template.timeout?.seconds ?? 0),
          containers: service.template.containers.map(({ image, command, args }) => ({ image, command, args })),
        },
      },
      traffic: [{ percent: 100, latestRevision: true }],
    },
    status: {
      observedGeneration: Number(service.observedGeneration),
      conditions: conditions(service),
      latestReadyRevisionName: lastPart(service.latestReadyRevision),
      latestCreatedRevisionName: lastPart(service.latestCreatedRevision),
      ...(service.uri === '' ? {} : { url: service.uri, address: { url: service.uri } }),
    },
  }
}

/** The status of a Knative condition: True, False or Unknown. */
const STATUSES: Record<Condition['state'], string> = {
  CONDITION_SUCCEEDED: 'True',
  CONDITION_FAILED: 'False',
  CONDITION_PENDING: 'Unknown',
  CONDITION_RECONCILING: 'Unknown',
}

function conditions({ terminalCondition, conditions: others }: Service): object[] {
  return [terminalCondition, ...others.filter(({ type }) => type !== terminalCondition.type)].map((condition) => ({
    type: condition.type,
    status: STATUSES[condition.state],
    lastTransitionTime: time(condition.lastTransitionTime),
    ...(condition.message === '' ? {} : { message: condition.message }),
  }))
}

function time({ seconds, nanos }: ProtoTime): string {
  return new Date(Number(seconds) * 1_000 + nanos / 1e6).toISOString()
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
