import { PROJECT_READ, words, type ServiceRoles } from './service-roles.ts'

const READ = words(`
  run.configurations.get run.configurations.list run.executions.get run.executions.list run.jobs.get run.jobs.getIamPolicy run.jobs.list
  run.locations.list run.operations.get run.operations.list run.revisions.get run.revisions.list run.routes.get run.routes.list
  run.services.get run.services.getIamPolicy run.services.list run.tasks.get run.tasks.list`)
const WRITE = words(`
  run.executions.cancel run.executions.delete run.jobs.create run.jobs.delete run.jobs.run run.jobs.runWithOverrides run.jobs.update
  run.operations.delete run.revisions.delete run.routes.invoke run.services.create run.services.delete run.services.update`)
const POLICIES = words('run.jobs.setIamPolicy run.services.setIamPolicy')

/** https://cloud.google.com/iam/docs/roles-permissions/run */
export const run: ServiceRoles = {
  permissions: [...READ, ...WRITE, ...POLICIES],
  roles: {
    'roles/run.admin': ['run.*', ...PROJECT_READ],
    'roles/run.developer': [
      ...READ,
      ...WRITE.filter((permission) => permission !== 'run.routes.invoke'),
      ...PROJECT_READ,
    ],
    'roles/run.viewer': [...READ, ...PROJECT_READ],
    'roles/run.invoker': words('run.jobs.run run.routes.invoke'),
    'roles/run.servicesInvoker': ['run.routes.invoke'],
    'roles/run.builder': words(`
      artifactregistry.repositories.deleteArtifacts artifactregistry.repositories.downloadArtifacts
      artifactregistry.repositories.uploadArtifacts logging.logEntries.create source.repos.get storage.objects.get`),
    'roles/run.sourceDeveloper': [
      ...READ,
      ...WRITE.filter((permission) => permission !== 'run.routes.invoke'),
      ...PROJECT_READ,
      ...words(`
        artifactregistry.repositories.create artifactregistry.repositories.downloadArtifacts artifactregistry.repositories.get
        artifactregistry.repositories.list artifactregistry.repositories.uploadArtifacts cloudbuild.builds.create cloudbuild.builds.get
        cloudbuild.builds.list cloudbuild.builds.update logging.logEntries.create logging.logEntries.list serviceusage.services.enable
        serviceusage.services.get serviceusage.services.list serviceusage.services.use source.repos.get source.repos.list
        storage.buckets.create storage.buckets.get storage.buckets.list storage.objects.create storage.objects.delete
        storage.objects.get storage.objects.list storage.objects.update`),
    ],
  },
  // "Only Project Owners, Project Editors, and Cloud Run Admins and Invokers" may call a private service:
  // https://cloud.google.com/run/docs/authenticating/overview
  basic: { viewer: READ, editor: WRITE, owner: POLICIES },
}
