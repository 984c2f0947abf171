import type { SupportEntry } from '../../kernel/support.ts'

/** Methods without a version are the same in google.cloud.tasks.v2 and v2beta3. */
export const SUPPORT: readonly SupportEntry[] = [
  { method: 'CloudTasks/ListQueues', state: 'partly', note: '`filter` is refused.' },
  { method: 'Locations/ListLocations', state: 'partly', note: 'JSON only, v2.' },
  { method: 'CloudTasks/GetQueue', state: 'yes', note: '`read_mask` and `stats` in v2beta3.' },
  {
    method: 'CloudTasks/CreateQueue',
    state: 'partly',
    note: 'Push queues of HTTP tasks, in the regions of Cloud Tasks only. App Engine routing, `http_target` and pull queues are refused; `stackdriver_logging_config` is stored, but no logs are written.',
  },
  {
    method: 'CloudTasks/UpdateQueue',
    state: 'partly',
    note: 'Same as CreateQueue; update masks can name fields or parts of them.',
  },
  { method: 'CloudTasks/DeleteQueue', state: 'yes', note: 'The name cannot be used again for 7 days.' },
  {
    method: 'CloudTasks/PurgeQueue',
    state: 'yes',
    note: 'Takes effect immediately (up to one minute on Google Cloud).',
  },
  { method: 'CloudTasks/PauseQueue', state: 'yes', note: '' },
  { method: 'CloudTasks/ResumeQueue', state: 'yes', note: '' },
  { method: 'CloudTasks/ListTasks', state: 'yes', note: '' },
  { method: 'CloudTasks/GetTask', state: 'yes', note: '' },
  {
    method: 'CloudTasks/CreateTask',
    state: 'partly',
    note: 'HTTP tasks with or without an OIDC token. App Engine tasks and `oauth_token` are refused. At most 100 KB, the smaller of the two sizes that Google documents.',
  },
  { method: 'CloudTasks/DeleteTask', state: 'yes', note: '' },
  { method: 'CloudTasks/RunTask', state: 'yes', note: '' },
  {
    method: 'google.cloud.tasks.v2beta3.CloudTasks/BatchCreateTasks',
    state: 'yes',
    note: 'The operation is done in the first response; it and its `request_id` are kept for an hour.',
  },
  { method: 'google.cloud.tasks.v2beta3.CloudTasks/BatchDeleteTasks', state: 'yes', note: 'Same as BatchCreateTasks.' },
  { method: 'CloudTasks/GetIamPolicy', state: 'no', note: '' },
  { method: 'CloudTasks/SetIamPolicy', state: 'no', note: '' },
  { method: 'CloudTasks/TestIamPermissions', state: 'no', note: '' },
  { method: 'google.cloud.tasks.v2beta3.CloudTasks/GetCmekConfig', state: 'no', note: '' },
  { method: 'google.cloud.tasks.v2beta3.CloudTasks/UpdateCmekConfig', state: 'no', note: '' },
  {
    method: 'dispatch: rate limits, retries, headers',
    state: 'yes',
    note: 'Token bucket, concurrency, retry arithmetic of RetryConfig, X-CloudTasks-* headers, Retry-After.',
  },
  {
    method: 'dispatch: system throttling',
    state: 'partly',
    note: 'Google does not document how much it slows down. Here, a 429, a 503 or a high error rate halves the rate, at most once a second, and each success restores a hundredth.',
  },
  {
    method: 'dispatch: slow start of new and idle queues',
    state: 'no',
    note: 'Queues dispatch at their full rate immediately.',
  },
  { method: 'dispatch: following redirects', state: 'no', note: 'A 3xx answer is a failed attempt.' },
]
