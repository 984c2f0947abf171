import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { BigQuery } from '@google-cloud/bigquery'
import type { Storage } from '@google-cloud/storage'
import { LOCATOR_FILE, localCloudLocator, type LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import { runtimeAccount } from '../../src/contracts/names.ts'
import { grpcClientOptions, restClientOptions } from '../../src/google/auth/credentials.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'

/** Google's own clients, pointed at one local cloud. A test file uses one cloud: gRPC reads its certificates once. */
export interface OfficialClients {
  locator: LocalCloudLocator
  bigQuery: BigQuery
  storage: Storage
  /** The full name of everything in the local cloud that a run could have created: tables, objects, queues, tasks, topics, subscriptions. */
  inventory(): Promise<string[]>
}

export async function officialClients(dataDirectory: string): Promise<OfficialClients> {
  const locator = localCloudLocator.parse(JSON.parse(readFileSync(path.join(dataDirectory, LOCATOR_FILE), 'utf8')))
  useLocalCloud(locator)
  const { projectId, region } = locator
  const [grpc, rest] = await Promise.all([grpcClientOptions(projectId), restClientOptions(projectId)])
  const { projectId: _, ...grpcOptions } = grpc
  const [{ BigQuery }, { Storage }, { CloudTasksClient }, pubsub] = await Promise.all([
    import('@google-cloud/bigquery'),
    import('@google-cloud/storage'),
    import('@google-cloud/tasks'),
    import('@google-cloud/pubsub'),
  ])
  const bigQuery = new BigQuery(rest)
  const storage = new Storage({ ...rest, useAuthWithCustomEndpoint: true })
  const tasks = new CloudTasksClient(grpcOptions)
  const publisher = new pubsub.v1.PublisherClient(grpcOptions)
  const subscriber = new pubsub.v1.SubscriberClient(grpcOptions)

  const names = (resources: readonly { name?: string | null }[]): string[] => resources.map(({ name }) => name ?? '')
  const tables = async (): Promise<string[]> => {
    const [datasets] = await bigQuery.getDatasets()
    const lists = await Promise.all(
      datasets.map(async (dataset) => (await dataset.getTables())[0].map(({ id }) => `${dataset.id}.${id}`)),
    )
    return lists.flat()
  }
  const objects = async (): Promise<string[]> => {
    const [buckets] = await storage.getBuckets()
    const lists = await Promise.all(
      buckets.map(async (bucket) => (await bucket.getFiles())[0].map(({ name }) => `gs://${bucket.name}/${name}`)),
    )
    return lists.flat()
  }
  const queues = async (): Promise<string[]> => {
    const found = names((await tasks.listQueues({ parent: `projects/${projectId}/locations/${region}` }))[0])
    const queued = await Promise.all(found.map(async (parent) => names((await tasks.listTasks({ parent }))[0])))
    return [...found, ...queued.flat()]
  }
  return {
    locator,
    bigQuery,
    storage,
    async inventory() {
      const project = `projects/${projectId}`
      const [topics] = await publisher.listTopics({ project })
      const [subscriptions] = await subscriber.listSubscriptions({ project })
      return [
        ...(await tables()),
        ...(await objects()),
        ...(await queues()),
        ...names(topics),
        ...names(subscriptions),
      ].toSorted()
    },
  }
}

/** The grant by which a bucket's owner lets the services read its images. */
export async function letRuntimeRead({ storage, locator }: OfficialClients, bucket: string): Promise<void> {
  const { iam } = storage.bucket(bucket)
  const [policy] = await iam.getPolicy()
  const members = [`serviceAccount:${runtimeAccount(locator)}`]
  await iam.setPolicy({ ...policy, bindings: [...policy.bindings, { role: 'roles/storage.objectViewer', members }] })
}
