import { PROJECT_READ, words, type ServiceRoles } from './service-roles.ts'

const TASK_READ = words(`
  cloudtasks.locations.get cloudtasks.locations.list cloudtasks.queues.get cloudtasks.queues.list cloudtasks.tasks.fullView
  cloudtasks.tasks.get cloudtasks.tasks.list`)
const TASK_WRITE = words(`
  cloudtasks.queues.create cloudtasks.queues.delete cloudtasks.queues.pause cloudtasks.queues.purge cloudtasks.queues.resume
  cloudtasks.queues.update cloudtasks.tasks.create cloudtasks.tasks.delete cloudtasks.tasks.run`)
const LOCATIONS = words('cloudtasks.locations.get cloudtasks.locations.list')

/** https://cloud.google.com/iam/docs/roles-permissions/cloudtasks */
export const cloudtasks: ServiceRoles = {
  permissions: [...TASK_READ, ...TASK_WRITE, 'cloudtasks.queues.getIamPolicy', 'cloudtasks.queues.setIamPolicy'],
  roles: {
    'roles/cloudtasks.admin': ['cloudtasks.*', ...PROJECT_READ],
    'roles/cloudtasks.enqueuer': ['cloudtasks.tasks.create', 'cloudtasks.tasks.fullView', ...PROJECT_READ],
    'roles/cloudtasks.queueAdmin': [
      ...LOCATIONS,
      ...words(`
        cloudtasks.queues.create cloudtasks.queues.delete cloudtasks.queues.get cloudtasks.queues.getIamPolicy cloudtasks.queues.list
        cloudtasks.queues.pause cloudtasks.queues.purge cloudtasks.queues.resume cloudtasks.queues.setIamPolicy cloudtasks.queues.update`),
      ...PROJECT_READ,
    ],
    'roles/cloudtasks.taskDeleter': ['cloudtasks.tasks.delete', ...PROJECT_READ],
    'roles/cloudtasks.taskRunner': ['cloudtasks.tasks.fullView', 'cloudtasks.tasks.run', ...PROJECT_READ],
    'roles/cloudtasks.viewer': [...TASK_READ, ...PROJECT_READ],
  },
  basic: {
    viewer: TASK_READ,
    editor: TASK_WRITE,
    owner: ['cloudtasks.queues.getIamPolicy', 'cloudtasks.queues.setIamPolicy'],
  },
}

const PUBSUB_READ = words(`
  pubsub.schemas.get pubsub.schemas.list pubsub.snapshots.get pubsub.snapshots.list pubsub.subscriptions.get pubsub.subscriptions.list
  pubsub.topics.get pubsub.topics.list`)
const PUBSUB_WRITE = words(`
  pubsub.snapshots.create pubsub.snapshots.delete pubsub.snapshots.seek pubsub.snapshots.update pubsub.subscriptions.consume
  pubsub.subscriptions.create pubsub.subscriptions.delete pubsub.subscriptions.update pubsub.topics.attachSubscription
  pubsub.topics.create pubsub.topics.delete pubsub.topics.detachSubscription pubsub.topics.publish pubsub.topics.update`)
const PUBSUB_POLICIES = words(`
  pubsub.snapshots.getIamPolicy pubsub.snapshots.setIamPolicy pubsub.subscriptions.getIamPolicy pubsub.subscriptions.setIamPolicy
  pubsub.topics.getIamPolicy pubsub.topics.setIamPolicy`)
const QUOTA_READ = words('serviceusage.quotas.get serviceusage.services.get serviceusage.services.list')

/** https://cloud.google.com/iam/docs/roles-permissions/pubsub */
export const pubsub: ServiceRoles = {
  permissions: [...PUBSUB_READ, ...PUBSUB_WRITE, ...PUBSUB_POLICIES],
  roles: {
    'roles/pubsub.admin': ['pubsub.*', 'resourcemanager.projects.get', ...QUOTA_READ],
    'roles/pubsub.editor': [...PUBSUB_READ, ...PUBSUB_WRITE, 'resourcemanager.projects.get', ...QUOTA_READ],
    'roles/pubsub.publisher': ['pubsub.topics.publish'],
    'roles/pubsub.subscriber': words(
      'pubsub.snapshots.seek pubsub.subscriptions.consume pubsub.topics.attachSubscription',
    ),
    'roles/pubsub.viewer': [...PUBSUB_READ, 'resourcemanager.projects.get', ...QUOTA_READ],
  },
  basic: { viewer: PUBSUB_READ, editor: PUBSUB_WRITE, owner: PUBSUB_POLICIES },
}
