import { PROJECT_READ, words, type ServiceRoles } from './service-roles.ts'

const BUCKETS = words(`
  storage.buckets.create storage.buckets.delete storage.buckets.get storage.buckets.getIamPolicy storage.buckets.list
  storage.buckets.setIamPolicy storage.buckets.update`)
const OBJECTS = words(`
  storage.objects.create storage.objects.delete storage.objects.get storage.objects.getIamPolicy storage.objects.list
  storage.objects.move storage.objects.restore storage.objects.setIamPolicy storage.objects.update`)
const MULTIPART = words(`
  storage.multipartUploads.abort storage.multipartUploads.create storage.multipartUploads.list storage.multipartUploads.listParts`)

/** https://cloud.google.com/storage/docs/access-control/iam-roles */
export const storage: ServiceRoles = {
  permissions: [...BUCKETS, ...OBJECTS, ...MULTIPART],
  roles: {
    'roles/storage.admin': ['storage.*', ...PROJECT_READ],
    'roles/storage.bucketViewer': words('storage.buckets.get storage.buckets.list'),
    'roles/storage.objectAdmin': [...OBJECTS, ...MULTIPART, ...PROJECT_READ],
    'roles/storage.objectUser': [
      ...OBJECTS.filter((permission) => !permission.endsWith('IamPolicy')),
      ...MULTIPART,
      ...PROJECT_READ,
    ],
    'roles/storage.objectCreator': [
      'storage.objects.create',
      ...words('storage.multipartUploads.abort storage.multipartUploads.create storage.multipartUploads.listParts'),
      ...PROJECT_READ,
    ],
    'roles/storage.objectViewer': ['storage.objects.get', 'storage.objects.list', ...PROJECT_READ],
    'roles/storage.legacyBucketReader': words('storage.buckets.get storage.multipartUploads.list storage.objects.list'),
    'roles/storage.legacyBucketWriter': [
      ...words('storage.buckets.get storage.objects.create storage.objects.delete storage.objects.list'),
      ...MULTIPART,
    ],
    'roles/storage.legacyBucketOwner': [
      ...words(`
        storage.buckets.get storage.buckets.getIamPolicy storage.buckets.setIamPolicy storage.buckets.update storage.objects.create
        storage.objects.delete storage.objects.list`),
      ...MULTIPART,
    ],
    'roles/storage.legacyObjectReader': ['storage.objects.get'],
    'roles/storage.legacyObjectOwner': words(
      'storage.objects.get storage.objects.getIamPolicy storage.objects.setIamPolicy storage.objects.update',
    ),
  },
  // Buckets and their objects are reached through the convenience values (projectOwner:…) in each
  // bucket's own policy: https://cloud.google.com/storage/docs/access-control/iam-roles#basic-roles-intrinsic
  basic: {
    viewer: ['storage.buckets.list'],
    editor: ['storage.buckets.create', 'storage.buckets.delete'],
    owner: [],
  },
}
