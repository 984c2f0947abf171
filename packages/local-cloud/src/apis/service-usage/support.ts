import type { SupportEntry } from '../../kernel/support.ts'

/** What the emulated Service Usage has of Google's, for packages/local-cloud/docs/emulator-support.md. */
export const SERVICE_USAGE_SUPPORT: readonly SupportEntry[] = [
  {
    method: 'serviceusage.services.get, services.batchGet, services.list',
    state: 'partly',
    note:
      "knows the services that a new project has and those of the local cloud; a service's config has its name and title alone; " +
      'filters state:ENABLED and state:DISABLED',
  },
  {
    method: 'serviceusage.services.enable, services.batchEnable, services.disable',
    state: 'partly',
    note: 'no service depends on another, none has usage; serviceusage.googleapis.com cannot be disabled',
  },
  { method: 'serviceusage.operations.get', state: 'yes', note: 'finished ones for a day' },
  { method: 'serviceusage.operations.list, cancel, delete; quotas (v1beta1); policies (v2)', state: 'no', note: '' },
]
