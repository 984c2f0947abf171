import { PROJECT_READ, words, type ServiceRoles } from './service-roles.ts'

/** https://cloud.google.com/iam/docs/roles-permissions/aiplatform; only what calls of Google's models need */
export const aiplatform: ServiceRoles = {
  permissions: words(
    'aiplatform.endpoints.get aiplatform.endpoints.list aiplatform.endpoints.predict aiplatform.models.get aiplatform.models.list',
  ),
  roles: {
    'roles/aiplatform.admin': ['aiplatform.*', ...PROJECT_READ],
    'roles/aiplatform.user': ['aiplatform.*', ...PROJECT_READ],
    'roles/aiplatform.viewer': [
      ...words('aiplatform.endpoints.get aiplatform.endpoints.list aiplatform.models.get aiplatform.models.list'),
      ...PROJECT_READ,
    ],
  },
  basic: {
    viewer: words('aiplatform.endpoints.get aiplatform.endpoints.list aiplatform.models.get aiplatform.models.list'),
    editor: ['aiplatform.endpoints.predict'],
    owner: [],
  },
}

const SERVICES_READ = words(`
  serviceusage.operations.get serviceusage.operations.list serviceusage.quotas.get serviceusage.services.get serviceusage.services.list`)

/** https://cloud.google.com/iam/docs/roles-permissions/serviceusage */
export const serviceusage: ServiceRoles = {
  permissions: [
    ...SERVICES_READ,
    ...words(`
      serviceusage.operations.cancel serviceusage.operations.delete serviceusage.quotas.update serviceusage.services.disable
      serviceusage.services.enable serviceusage.services.use`),
  ],
  roles: {
    'roles/serviceusage.serviceUsageAdmin': ['serviceusage.*'],
    'roles/serviceusage.serviceUsageConsumer': [...SERVICES_READ, 'serviceusage.services.use'],
    'roles/serviceusage.serviceUsageViewer': SERVICES_READ,
  },
  basic: { viewer: SERVICES_READ, editor: ['serviceusage.*'], owner: [] },
}

const ARTIFACT_READ = words(`
  artifactregistry.dockerimages.get artifactregistry.dockerimages.list artifactregistry.files.get artifactregistry.files.list
  artifactregistry.locations.get artifactregistry.locations.list artifactregistry.packages.get artifactregistry.packages.list
  artifactregistry.repositories.downloadArtifacts artifactregistry.repositories.get artifactregistry.repositories.list
  artifactregistry.tags.get artifactregistry.tags.list artifactregistry.versions.get artifactregistry.versions.list`)
const ARTIFACT_WRITE = words(`
  artifactregistry.repositories.uploadArtifacts artifactregistry.tags.create artifactregistry.tags.update`)
const ARTIFACT_DELETE = words(`
  artifactregistry.packages.delete artifactregistry.repositories.deleteArtifacts artifactregistry.tags.delete
  artifactregistry.versions.delete`)
const REPOSITORY_WRITE = words(`
  artifactregistry.repositories.create artifactregistry.repositories.delete artifactregistry.repositories.update`)
const REPOSITORY_POLICIES = words(
  'artifactregistry.repositories.getIamPolicy artifactregistry.repositories.setIamPolicy',
)

/** https://cloud.google.com/iam/docs/roles-permissions/artifactregistry */
export const artifactregistry: ServiceRoles = {
  permissions: [...ARTIFACT_READ, ...ARTIFACT_WRITE, ...ARTIFACT_DELETE, ...REPOSITORY_WRITE, ...REPOSITORY_POLICIES],
  roles: {
    'roles/artifactregistry.admin': ['artifactregistry.*'],
    'roles/artifactregistry.repoAdmin': [...ARTIFACT_READ, ...ARTIFACT_WRITE, ...ARTIFACT_DELETE],
    'roles/artifactregistry.writer': [...ARTIFACT_READ, ...ARTIFACT_WRITE],
    'roles/artifactregistry.reader': ARTIFACT_READ,
  },
  basic: {
    viewer: ARTIFACT_READ,
    editor: [...ARTIFACT_WRITE, ...ARTIFACT_DELETE, ...REPOSITORY_WRITE],
    owner: REPOSITORY_POLICIES,
  },
}

const BUILD_READ = words(
  'cloudbuild.builds.get cloudbuild.builds.list cloudbuild.locations.get cloudbuild.locations.list cloudbuild.operations.get cloudbuild.operations.list',
)
const BUILD_WRITE = words('cloudbuild.builds.approve cloudbuild.builds.create cloudbuild.builds.update')

/** https://cloud.google.com/iam/docs/roles-permissions/cloudbuild */
export const cloudbuild: ServiceRoles = {
  permissions: [...BUILD_READ, ...BUILD_WRITE, 'source.repos.get', 'source.repos.list'],
  roles: {
    'roles/cloudbuild.builds.viewer': [...BUILD_READ, ...PROJECT_READ],
    'roles/cloudbuild.builds.editor': [
      ...BUILD_READ,
      'cloudbuild.builds.create',
      'cloudbuild.builds.update',
      ...PROJECT_READ,
    ],
    'roles/cloudbuild.builds.builder': [
      ...ARTIFACT_READ,
      ...ARTIFACT_WRITE,
      ...BUILD_READ,
      'cloudbuild.builds.create',
      'cloudbuild.builds.update',
      'logging.logEntries.create',
      'pubsub.topics.create',
      'pubsub.topics.publish',
      'source.repos.get',
      'source.repos.list',
      ...words(`
        storage.buckets.create storage.buckets.get storage.buckets.list storage.objects.create storage.objects.delete
        storage.objects.get storage.objects.list storage.objects.update`),
      ...PROJECT_READ,
    ],
  },
  basic: { viewer: [...BUILD_READ, 'source.repos.get', 'source.repos.list'], editor: BUILD_WRITE, owner: [] },
}

/** https://cloud.google.com/iam/docs/roles-permissions/logging */
export const logging: ServiceRoles = {
  permissions: words('logging.logEntries.create logging.logEntries.list logging.logs.list'),
  roles: {
    'roles/logging.logWriter': ['logging.logEntries.create'],
    'roles/logging.viewer': ['logging.logEntries.list', 'logging.logs.list', 'resourcemanager.projects.get'],
  },
  basic: {
    viewer: ['logging.logEntries.list', 'logging.logs.list'],
    editor: ['logging.logEntries.create'],
    owner: [],
  },
}
