import { PROJECT_READ, words, type ServiceRoles } from './service-roles.ts'

const DATA_READ = words(`
  bigquery.datasets.get bigquery.datasets.getIamPolicy bigquery.models.export bigquery.models.getData bigquery.models.getMetadata
  bigquery.models.list bigquery.routines.get bigquery.routines.list bigquery.tables.createSnapshot bigquery.tables.export
  bigquery.tables.get bigquery.tables.getData bigquery.tables.getIamPolicy bigquery.tables.list bigquery.tables.replicateData`)
const DATA_WRITE = words(`
  bigquery.datasets.create bigquery.models.create bigquery.models.delete bigquery.models.updateData bigquery.models.updateMetadata
  bigquery.routines.create bigquery.routines.delete bigquery.routines.update bigquery.tables.create bigquery.tables.createIndex
  bigquery.tables.delete bigquery.tables.deleteIndex bigquery.tables.deleteSnapshot bigquery.tables.restoreSnapshot
  bigquery.tables.update bigquery.tables.updateData`)
const DATA_OWN = words(`
  bigquery.datasets.delete bigquery.datasets.link bigquery.datasets.listSharedDatasetUsage bigquery.datasets.setIamPolicy
  bigquery.datasets.update bigquery.tables.setIamPolicy`)
const JOBS = words(
  'bigquery.jobs.create bigquery.jobs.get bigquery.jobs.list bigquery.jobs.listAll bigquery.jobs.update bigquery.jobs.delete',
)
const SESSIONS = words('bigquery.readsessions.create bigquery.readsessions.getData bigquery.readsessions.update')
const USE = words(`
  bigquery.config.get bigquery.datasets.create bigquery.datasets.get bigquery.datasets.getIamPolicy bigquery.jobs.create
  bigquery.jobs.list bigquery.models.list bigquery.routines.list bigquery.tables.list`)

/** https://cloud.google.com/iam/docs/roles-permissions/bigquery */
export const bigquery: ServiceRoles = {
  permissions: [
    ...DATA_READ,
    ...DATA_WRITE,
    ...DATA_OWN,
    ...JOBS,
    ...SESSIONS,
    'bigquery.config.get',
    'bigquery.config.update',
  ],
  roles: {
    'roles/bigquery.admin': ['bigquery.*', ...PROJECT_READ],
    'roles/bigquery.dataOwner': [...DATA_READ, ...DATA_WRITE, ...DATA_OWN, ...PROJECT_READ],
    'roles/bigquery.dataEditor': [...DATA_READ, ...DATA_WRITE, ...PROJECT_READ],
    'roles/bigquery.dataViewer': [...DATA_READ, ...PROJECT_READ],
    'roles/bigquery.metadataViewer': [
      ...words(`
        bigquery.datasets.get bigquery.datasets.getIamPolicy bigquery.models.getMetadata bigquery.models.list bigquery.routines.get
        bigquery.routines.list bigquery.tables.get bigquery.tables.getIamPolicy bigquery.tables.list`),
      ...PROJECT_READ,
    ],
    'roles/bigquery.jobUser': ['bigquery.config.get', 'bigquery.jobs.create', ...PROJECT_READ],
    'roles/bigquery.user': [...USE, ...SESSIONS, ...PROJECT_READ],
    'roles/bigquery.readSessionUser': [...SESSIONS, ...PROJECT_READ],
    'roles/bigquery.resourceViewer': words(
      'bigquery.jobs.get bigquery.jobs.list bigquery.jobs.listAll resourcemanager.projects.get resourcemanager.projects.list',
    ),
  },
  // Viewers and editors reach the data of a dataset through its `access` list (projectReaders,
  // projectWriters), not by their role: https://cloud.google.com/bigquery/docs/access-control-basic-roles
  basic: {
    viewer: words(
      'bigquery.config.get bigquery.jobs.create bigquery.jobs.list bigquery.readsessions.create bigquery.readsessions.getData',
    ),
    editor: ['bigquery.datasets.create', 'bigquery.readsessions.update'],
    owner: ['bigquery.*'],
  },
}
