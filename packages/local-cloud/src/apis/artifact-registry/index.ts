import path from 'node:path'
import type { Authorizer } from '../iam/authorizer.ts'
import type { EmulatedApi } from '../../kernel/api.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Faults } from '../../kernel/faults.ts'
import type { Operation } from '../../kernel/gateway.ts'
import { need, projectOf } from '../../kernel/needs.ts'
import type { LocationOperations } from '../../kernel/location-operations.ts'
import { RestOperations } from '../../kernel/rest-operations.ts'
import { ImageFiles } from './image-files.ts'
import { RepositoryPolicies } from './policies.ts'
import { Registry } from './registry.ts'
import { Repositories } from './repositories.ts'
import { artifactRegistryRoutes } from './routes.ts'
import { RegistryStore } from './store.ts'

export type { Registry } from './registry.ts'
export { parseImageReference } from './resources.ts'
export type { ImageConfig, StoredImage } from './resources.ts'

export interface ArtifactRegistryOptions {
  directory: string
  clock: Clock
  faults: Faults
  operation: Operation
  projectId: string
  projectNumber: string
  /** Checks permissions; reads the policies of repositories. */
  access: Authorizer
}

/** Emulated Artifact Registry v1: repositories of images, which the builds of the local cloud push. */
export type ArtifactRegistryApi = EmulatedApi & { operations: LocationOperations; registry: Registry }

export async function artifactRegistryApi(options: ArtifactRegistryOptions): Promise<ArtifactRegistryApi> {
  const { directory, clock, faults } = options
  const store = new RegistryStore(path.join(directory, 'artifact-registry.sqlite'))
  const files = new ImageFiles(path.join(directory, 'images'))
  const repositories = new Repositories(store, files, clock)
  const policies = new RepositoryPolicies(store, options.access)
  const operations = new RestOperations({
    database: store.database,
    clock,
    faults,
    work: {
      'artifactregistry.repositories.create': (wanted) => repositories.created(wanted),
      'artifactregistry.repositories.delete': (name) => repositories.deleted(name),
      'artifactregistry.packages.delete': (images) => repositories.imagesDeleted(images),
      'artifactregistry.versions.delete': (images) => repositories.imagesDeleted(images),
      'artifactregistry.versions.batchDelete': (images) => repositories.imagesDeleted(images),
    },
  })
  return {
    name: 'artifactregistry',
    http: {
      prefixes: [],
      patterns: [/^\/v1\/projects\/[^/]+\/locations\/[^/]+\/repositories(?:\/|$)/],
      app: artifactRegistryRoutes({ ...options, repositories, policies, store, operations }),
    },
    operations: {
      method: 'artifactregistry.operations.get',
      needs: (name) => need('artifactregistry.repositories.get', projectOf(name)),
      get: (name) => operations.get(name),
    },
    registry: new Registry(store, files, clock),
    start: async () => {
      files.sweep(store.digests())
      operations.resume()
    },
    stop: async () => {
      operations.stop()
      store.close()
    },
    describe: async () => store.counts(),
  }
}
