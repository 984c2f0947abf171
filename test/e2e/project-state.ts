import { readFileSync } from 'node:fs'
import path from 'node:path'
import { LOCATOR_FILE, localCloudLocator, type LocalCloudLocator } from '@imagery/local-cloud/contract/locator'

/** Values that differ between deploys although nothing has changed. */
const PASSING = new Set([
  'etag',
  'uid',
  'uniqueId',
  'oauth2ClientId',
  'generation',
  'observedGeneration',
  'metageneration',
  'revision',
  'latestReadyRevision',
  'latestCreatedRevision',
  'createTime',
  'updateTime',
  'lastTransitionTime',
  'timeCreated',
  'updated',
  'version',
  'digest',
  'lastModifier',
  'sizeBytes',
])

type Json = Record<string, unknown>

/** Calls of the local cloud's HTTP/JSON APIs as its operator, who owns the project. */
export interface Project {
  locator: LocalCloudLocator
  call(method: string, route: string, body?: object): Promise<Json>
  /** The project's state in every API that a deploy uses, without values that change by themselves. */
  state(): Promise<Json>
}

export async function openProject(dataDirectory: string): Promise<Project> {
  const locator = localCloudLocator.parse(JSON.parse(readFileSync(path.join(dataDirectory, LOCATOR_FILE), 'utf8')))
  const token = await fetch(
    `http://${locator.metadataHost}/computeMetadata/v1/instance/service-accounts/default/token`,
    { headers: { 'metadata-flavor': 'Google' } },
  ).then((answer) => answer.json() as Promise<{ access_token: string }>)

  const call: Project['call'] = async (method, route, body) => {
    const answer = await fetch(new URL(route, locator.http), {
      method,
      headers: { authorization: `Bearer ${token.access_token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${route}: HTTP ${answer.status} ${text}`)
    return text === '' ? {} : (JSON.parse(text) as Json)
  }
  const list = async (route: string, field: string): Promise<Json[]> =>
    ((await call('GET', route))[field] as Json[] | undefined) ?? []
  /** A disabled API has nothing. */
  const unlessOff = async (look: () => Promise<unknown>): Promise<unknown> =>
    look().catch((error: unknown) => {
      if (String(error).includes('SERVICE_DISABLED')) return []
      throw error
    })

  const { projectId, region } = locator
  const project = `projects/${projectId}`
  const accounts = async (): Promise<unknown> => {
    const found = await list(`v1/${project}/serviceAccounts`, 'accounts')
    return Promise.all(
      found.map(async (account) => ({
        ...account,
        policy: await call('POST', `v1/${String(account['name'])}:getIamPolicy`),
      })),
    )
  }
  const repositories = async (): Promise<unknown> => {
    const found = await list(`v1/${project}/locations/${region}/repositories`, 'repositories')
    return Promise.all(
      found.map(async (repository) => ({
        ...repository,
        images: (await list(`v1/${String(repository['name'])}/dockerImages`, 'dockerImages')).map(({ tags }) => tags),
      })),
    )
  }
  const buckets = async (): Promise<unknown> => {
    const found = await list(`storage/v1/b?project=${projectId}`, 'items')
    return Promise.all(
      found.map(async (bucket) => ({
        ...bucket,
        policy: await call('GET', `storage/v1/b/${String(bucket['name'])}/iam`),
        objects: (await list(`storage/v1/b/${String(bucket['name'])}/o`, 'items')).map(({ name }) => name),
      })),
    )
  }
  const services = async (): Promise<unknown> => {
    const found = await list(`v2/${project}/locations/${region}/services`, 'services')
    return Promise.all(
      found.map(async (service) => ({
        ...service,
        policy: await call('GET', `v2/${String(service['name'])}:getIamPolicy`),
      })),
    )
  }
  const datasets = (): Promise<Json[]> => list(`bigquery/v2/${project}/datasets`, 'datasets')

  return {
    locator,
    call,
    async state() {
      const state = {
        project: await unlessOff(() => call('POST', `v3/${project}:getIamPolicy`, {})),
        accounts: await unlessOff(accounts),
        repositories: await unlessOff(repositories),
        buckets: await buckets(),
        services: await unlessOff(services),
        datasets: await datasets(),
      }
      return JSON.parse(JSON.stringify(state, lasting)) as Json
    },
  }
}

/** Leaves out temporary values and sorts members, because the order of roles means nothing. */
function lasting(key: string, value: unknown): unknown {
  if (PASSING.has(key)) return undefined
  if (key === 'bindings' && Array.isArray(value))
    return (value as { role: string; members: string[] }[])
      .map(({ role, members }) => ({ role, members: members.toSorted() }))
      .toSorted((a, b) => (a.role < b.role ? -1 : 1))
  return value
}
