import type { SupportEntry } from '../../kernel/support.ts'

/** How much of Cloud Storage's JSON API is emulated (https://cloud.google.com/storage/docs/json_api/v1). */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'storage.buckets.insert',
    state: 'partly',
    note: 'Name rules, location and labels are checked; lifecycle, CORS and soft delete are stored but have no effect. Versioning, retention, holds, hierarchical namespaces, autoclass, requester pays, default keys and predefined ACLs are refused.',
  },
  {
    method: 'storage.buckets.get',
    state: 'partly',
    note: '`projection` and `fields` are ignored; the answer is complete.',
  },
  { method: 'storage.buckets.list', state: 'partly', note: 'Same as buckets.get.' },
  { method: 'storage.buckets.patch', state: 'partly', note: 'The same fields as insert.' },
  { method: 'storage.buckets.update', state: 'partly', note: 'The same fields as insert.' },
  { method: 'storage.buckets.delete', state: 'yes', note: '' },
  {
    method: 'storage.buckets: getIamPolicy, setIamPolicy, testIamPermissions',
    state: 'partly',
    note: 'Predefined roles without conditions. Public access prevention is enforced; every call needs a token.',
  },
  {
    method: 'storage.buckets: lockRetentionPolicy, relocate, restore',
    state: 'no',
    note: '',
  },
  {
    method: 'storage.objects.insert',
    state: 'partly',
    note: 'Media, multipart and resumable uploads, checksums, preconditions, custom metadata. ACLs, holds, retention and customer-supplied or managed keys are refused. Resumable sessions expire after a week and survive a restart.',
  },
  {
    method: 'storage.objects.get',
    state: 'partly',
    note: 'Metadata, downloads, one byte range, gzip transcoding, preconditions. `projection` and `fields` are ignored; the answer is complete.',
  },
  {
    method: 'storage.objects.list',
    state: 'partly',
    note: 'Prefix, delimiter, offsets, paging. `matchGlob`, `filter` and `softDeleted` are refused; `versions` finds live objects only.',
  },
  { method: 'storage.objects.patch', state: 'partly', note: 'The same fields as insert.' },
  { method: 'storage.objects.update', state: 'partly', note: 'The same fields as insert.' },
  { method: 'storage.objects.delete', state: 'partly', note: 'Permanent: no versioning and no soft delete.' },
  { method: 'storage.objects.copy', state: 'yes', note: '' },
  { method: 'storage.objects.rewrite', state: 'partly', note: 'Always done in one call.' },
  { method: 'storage.objects: compose, move, restore, bulkRestore, watchAll', state: 'no', note: '' },
  {
    method:
      'access controls, anywhere caches, folders, managed folders, HMAC keys, notifications, operations, service account',
    state: 'no',
    note: '',
  },
  { method: 'batch requests, XML API, gRPC API, signed URLs, public objects', state: 'no', note: '' },
  {
    method: 'limits',
    state: 'partly',
    note: 'Names, custom metadata, labels, upload chunks and sessions as documented. The limits of one write per second to an object and one bucket every two seconds are not enforced.',
  },
]
