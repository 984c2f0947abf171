/*
 * The resources of Artifact Registry v1 in JSON, as they go over the wire and are stored
 * (https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories).
 */

export interface Repository {
  name: string
  format: 'DOCKER'
  mode: 'STANDARD_REPOSITORY'
  description?: string
  labels?: Record<string, string>
  cleanupPolicies?: Record<string, object>
  cleanupPolicyDryRun?: boolean
  dockerConfig?: { immutableTags?: boolean }
  createTime: string
  updateTime: string
}

/** The emulated part of the OCI image configuration, from which a container starts. */
export interface ImageConfig {
  /** Absolute. */
  workingDir: string
  environment: Record<string, string>
  entrypoint: string[]
  command: string[]
  user: string
}

/** An image as it was pushed: a version of its package, found by its digest. */
export interface StoredImage {
  repository: string
  /** The image's path within the repository: `imagery`, `team/imagery`. */
  package: string
  /** `sha256:` and 64 hex digits, of the configuration and of every file. */
  digest: string
  config: ImageConfig
  sizeBytes: number
  builtAt: string
  uploadedAt: string
}

/** The parts of `REGION-docker.pkg.dev/PROJECT/REPOSITORY/PACKAGE[:TAG][@DIGEST]`. */
export interface ImageReference {
  /** `projects/P/locations/L/repositories/R` */
  repository: string
  package: string
  tag: string | undefined
  digest: string | undefined
}

const REFERENCE =
  /^([a-z0-9-]+)-docker\.pkg\.dev\/((?:[a-z0-9.-]+:)?[a-z0-9-]+)\/([a-z0-9-]+)\/([a-z0-9]+(?:[._/-]+[a-z0-9]+)*)(?::(\w[\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$/

/** Reads the name of an image in Artifact Registry (https://cloud.google.com/artifact-registry/docs/docker/names); undefined for other text. */
export function parseImageReference(text: string): ImageReference | undefined {
  const [, location, project, repository, name, tag, digest] = REFERENCE.exec(text) ?? []
  if (!location || !project || !repository || !name) return undefined
  return {
    repository: `projects/${project}/locations/${location}/repositories/${repository}`,
    package: name,
    tag,
    digest,
  }
}

/** `REGION-docker.pkg.dev/PROJECT/REPOSITORY`, the address of a repository for Docker clients. */
export function registryUri(repository: string): string {
  const [, project, , location, , id] = repository.split('/')
  return `${location}-docker.pkg.dev/${project}/${id}`
}
