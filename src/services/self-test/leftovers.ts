import {
  bucketName,
  builderAccount,
  invokerAccount,
  mainService,
  populateService,
  repositoryName,
  runResourceId,
  runtimeAccount,
  subscriptionName,
  topicName,
  type DeploymentRef,
} from '../../contracts/names.ts'
import { findServiceAccount } from '../../google/admin/iam.ts'
import { describeRepository } from '../../google/admin/artifact-registry.ts'
import { datasetLocation } from '../../google/bigquery/bigquery.ts'
import { describeService } from '../../google/cloud-run/services.ts'
import { subscriptionExists, topicExists } from '../../google/pubsub.ts'
import { describeBucket } from '../../google/storage/bucket.ts'
import { listQueues } from '../../google/rest/queues.ts'
import { CloudError } from '../../google/transport/errors.ts'

/** A failed deploy can leave an API off, which then has no resources of the self-test. */
async function unlessOff<Found>(look: Promise<Found>): Promise<Found | undefined> {
  return look.catch((error: unknown) => {
    if (error instanceof CloudError && error.reason === 'SERVICE_DISABLED') return undefined
    throw error
  })
}

/**
 * Looks up everything that a self-test can have created, by name.
 *
 * @param made.id part of the names of the queues that the self-test made itself
 * @returns the resources that still exist, each as a short phrase
 */
export async function leftovers(
  place: DeploymentRef,
  made: { dataset: string; id: string; runIds: readonly string[] },
): Promise<string[]> {
  const { projectId, region } = place
  const accounts = [runtimeAccount(place), invokerAccount(place), builderAccount(place)]
  const services = [mainService(place), populateService(place)]
  const looks: [resource: string, look: Promise<unknown>][] = [
    [`bucket ${bucketName(place)}`, describeBucket(bucketName(place))],
    [`dataset ${made.dataset}`, datasetLocation({ projectId, dataset: made.dataset })],
    [`repository ${repositoryName(place)}`, describeRepository(repositoryName(place))],
    ...accounts.map((email): [string, Promise<unknown>] => [
      `service account ${email}`,
      findServiceAccount(projectId, email),
    ]),
    ...services.map((service): [string, Promise<unknown>] => [`service ${service}`, describeService(place, service)]),
    ...made.runIds.flatMap((runId): [string, Promise<unknown>][] => [
      [`topic ${topicName(place, runId)}`, topicExists(topicName(place, runId))],
      [`subscription ${subscriptionName(place, runId)}`, subscriptionExists(subscriptionName(place, runId))],
    ]),
  ]
  const found = await Promise.all(looks.map(async ([resource, look]) => ((await unlessOff(look)) ? [resource] : [])))
  const ids = [`imagery-${made.id}-`, ...made.runIds.map(runResourceId)]
  const queues = ((await unlessOff(listQueues(projectId, region))) ?? []).filter((queue) =>
    ids.some((id) => queue.includes(`/queues/${id}`)),
  )
  return [...found.flat(), ...queues.map((queue) => `queue ${queue}`)]
}
