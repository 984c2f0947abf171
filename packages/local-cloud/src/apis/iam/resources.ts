/** A resource with a policy, and its kind, which determines the API that stores it. */
export interface Anchor {
  kind: AnchorKind
  /** e.g. `projects/P/locations/L/services/S`, `projects/_/buckets/B`, `projects/P`. */
  name: string
}

export type AnchorKind = 'project' | 'service' | 'repository' | 'bucket' | 'dataset' | 'serviceAccount' | 'topic'

/**
 * Returns the resource itself, or its nearest parent with its own policy in the local cloud: an object's
 * bucket, a table's dataset, a queue's project. Names are those of
 * https://cloud.google.com/iam/docs/conditions-resource-attributes#resource-name.
 */
export function anchorOf(resource: string): Anchor {
  const match = ANCHOR.exec(resource)
  if (!match) return { kind: 'project', name: resource.split('/', 2).join('/') }
  const [name, kind = ''] = match
  return { kind: KINDS[kind]!, name }
}

const ANCHOR =
  /^projects\/[^/]+\/(?:locations\/[^/]+\/(?=services\/|repositories\/))?(buckets|datasets|serviceAccounts|services|repositories|topics)\/[^/]+/

const KINDS: Record<string, AnchorKind> = {
  buckets: 'bucket',
  datasets: 'dataset',
  serviceAccounts: 'serviceAccount',
  services: 'service',
  repositories: 'repository',
  topics: 'topic',
}

/** The last part of a name. */
export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1)
}
