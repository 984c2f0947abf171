import { randomUUID } from 'node:crypto'
import type { Clock } from '../../kernel/clock.ts'
import type { RestOperation, RestOperations } from '../../kernel/rest-operations.ts'
import { invalidArgument, restError } from '../../kernel/rest-request.ts'
import type { ImageFiles } from './image-files.ts'
import { checkKind, checkRepositoryId, checkSettings, type RepositoryFields } from './repository-rules.ts'
import { registryUri, type Repository, type StoredImage } from './resources.ts'
import type { RegistryStore } from './store.ts'
import { camelCase } from '../../kernel/field-names.ts'

/** How long the local cloud takes to create or delete a resource; Google takes a few seconds. */
export const CHANGE_MS = 200

const TYPE = 'type.googleapis.com/google.devtools.artifactregistry.v1'

/** The fields that an update can change. */
const MUTABLE_FIELDS = ['description', 'labels', 'cleanupPolicies', 'cleanupPolicyDryRun', 'dockerConfig'] as const

/** Creates, changes and deletes repositories and their images. */
export class Repositories {
  readonly #store: RegistryStore
  readonly #files: ImageFiles
  readonly #clock: Clock

  constructor(store: RegistryStore, files: ImageFiles, clock: Clock) {
    this.#store = store
    this.#files = files
    this.#clock = clock
  }

  /** Throws NOT_FOUND. */
  get(name: string): Repository {
    const repository = this.#store.repository(name)
    if (!repository) throw notFound()
    return repository
  }

  /** https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories/create */
  create(parent: string, id: string, fields: RepositoryFields, operations: RestOperations): RestOperation {
    checkRepositoryId(id)
    checkKind(fields)
    checkSettings(fields)
    const name = `${parent}/repositories/${id}`
    if (this.#store.repository(name)) throw alreadyExists()
    const wanted = { name, format: 'DOCKER', mode: 'STANDARD_REPOSITORY', ...mutableFields(fields) }
    return this.#begin('create', JSON.stringify(wanted), parent, operations)
  }

  /** The work of an operation that creates a repository. */
  created(wanted: string): object {
    const fields = JSON.parse(wanted) as Repository
    if (this.#store.repository(fields.name)) throw alreadyExists()
    const now = this.#now()
    const repository = { ...fields, createTime: now, updateTime: now }
    this.#store.putRepository(repository)
    return { '@type': `${TYPE}.Repository`, ...this.wire(repository) }
  }

  /** https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories/patch */
  update(name: string, fields: RepositoryFields, mask: readonly string[]): object {
    const current = this.get(name)
    const paths = mask.length === 0 || mask.includes('*') ? Object.keys(fields) : mask.map(camelCase)
    const wanted: Record<string, unknown> = mutableFields(fields)
    const changed: Record<string, unknown> = { ...current }
    for (const field of paths) {
      if (!(MUTABLE_FIELDS as readonly string[]).includes(field)) {
        if (mask.length === 0) continue
        throw invalidArgument(`update_mask: "${field}" is not a field that can be updated`)
      }
      if (wanted[field] === undefined) delete changed[field]
      else changed[field] = wanted[field]
    }
    const repository = { ...(changed as unknown as Repository), updateTime: this.#now() }
    checkSettings(repository)
    this.#store.putRepository(repository)
    return this.wire(repository)
  }

  delete(name: string, operations: RestOperations): RestOperation {
    this.get(name)
    return this.#begin('delete', name, parentOf(name), operations)
  }

  /** The work of an operation that deletes a repository with its images. */
  deleted(name: string): object {
    this.get(name)
    this.#store.deleteRepository(name)
    return this.#swept()
  }

  /** Starts to delete existing images of one repository. */
  deleteImages(
    kind: 'packages.delete' | 'versions.delete' | 'versions.batchDelete',
    images: readonly StoredImage[],
    operations: RestOperations,
  ): RestOperation {
    const [first] = images
    if (!first) throw notFound()
    const subject = images.map(({ repository, package: name, digest }) => ({ repository, package: name, digest }))
    return this.#begin(kind, JSON.stringify(subject), parentOf(first.repository), operations)
  }

  /** The work of an operation that deletes images. */
  imagesDeleted(subject: string): object {
    this.#store.deleteImages(JSON.parse(subject) as StoredImage[])
    return this.#swept()
  }

  /** A repository in JSON, with its output-only fields. */
  wire(repository: Repository): object {
    const sizeBytes = this.#store.images(repository.name).reduce((sum, image) => sum + image.sizeBytes, 0)
    return { ...repository, sizeBytes: String(sizeBytes), registryUri: registryUri(repository.name) }
  }

  #swept(): object {
    this.#files.sweep(this.#store.digests())
    return { '@type': 'type.googleapis.com/google.protobuf.Empty' }
  }

  #begin(kind: string, subject: string, parent: string, operations: RestOperations): RestOperation {
    return operations.begin({
      name: `${parent}/operations/${randomUUID()}`,
      kind: `artifactregistry.${kind.includes('.') ? kind : `repositories.${kind}`}`,
      subject,
      metadata: { '@type': `${TYPE}.OperationMetadata` },
      durationMs: CHANGE_MS,
    })
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString()
  }
}

export function notFound(): Error {
  return restError('NOT_FOUND', 'Requested entity was not found.')
}

function alreadyExists(): Error {
  return restError('ALREADY_EXISTS', 'the repository already exists')
}

function mutableFields(fields: RepositoryFields): Partial<Record<(typeof MUTABLE_FIELDS)[number], unknown>> {
  const given = MUTABLE_FIELDS.filter((field) => fields[field] !== undefined)
  return Object.fromEntries(given.map((field) => [field, fields[field]]))
}

/** `projects/P/locations/L` of a repository's name. */
function parentOf(repository: string): string {
  return repository.slice(0, repository.indexOf('/repositories/'))
}
