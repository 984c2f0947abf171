import type { BigQuery } from '@google-cloud/bigquery'
import type { v1 } from '@google-cloud/pubsub'
import type { Storage } from '@google-cloud/storage'
import type { CloudTasksClient, v2beta3 } from '@google-cloud/tasks'
import { grpcClientOptions, restClientOptions } from '../src/google/auth/credentials.ts'

export interface OfficialClients {
  bigQuery: BigQuery
  storage: Storage
  tasks: CloudTasksClient
  /** Knows a queue's statistics. */
  tasksBeta: InstanceType<typeof v2beta3.CloudTasksClient>
  publisher: InstanceType<typeof v1.PublisherClient>
  subscriber: InstanceType<typeof v1.SubscriberClient>
}

/**
 * Google's own clients, on the local cloud that this process was pointed at. Loaded here and not at
 * the top of each file: gRPC reads its root certificates when it is loaded, and the local cloud's
 * are known only once it runs.
 */
export async function officialClients(projectId: string): Promise<OfficialClients> {
  const [bigquery, storage, tasks, pubsub] = await Promise.all([
    import('@google-cloud/bigquery'),
    import('@google-cloud/storage'),
    import('@google-cloud/tasks'),
    import('@google-cloud/pubsub'),
  ])
  const [rest, grpc] = await Promise.all([restClientOptions(projectId), grpcClientOptions(projectId)])
  return {
    bigQuery: new bigquery.BigQuery(rest),
    storage: new storage.Storage({ ...rest, useAuthWithCustomEndpoint: true }),
    tasks: new tasks.CloudTasksClient(grpc),
    tasksBeta: new tasks.v2beta3.CloudTasksClient(grpc),
    publisher: new pubsub.v1.PublisherClient(grpc),
    subscriber: new pubsub.v1.SubscriberClient(grpc),
  }
}

/** Ends their connections, which keep the process alive. */
export async function closeClients({ tasks, tasksBeta, publisher, subscriber }: OfficialClients): Promise<void> {
  await Promise.all([tasks.close(), tasksBeta.close(), publisher.close(), subscriber.close()])
}
