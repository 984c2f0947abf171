import type { SupportEntry } from '../../kernel/support.ts'

/** How much of Service Usage is emulated, for packages/local-cloud/docs/emulator-support.md. */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'serviceusage.services.get, services.batchGet, services.list',
    state: 'partly',
    note:
      "knows the services of a new project and of the local cloud; a service's config has only its name and title; " +
      'filters state:ENABLED and state:DISABLED',
  },
  {
    method: 'serviceusage.services.enable, services.batchEnable, services.disable',
    state: 'partly',
    note: 'services have no dependencies and no usage; serviceusage.googleapis.com cannot be disabled; a second change of a service before the first is done is refused',
  },
  {
    method: 'serviceusage.services.generateServiceIdentity (v1beta1)',
    state: 'partly',
    note: "Vertex AI's agent only; the role that Google grants it on the project is not granted",
  },
  { method: 'serviceusage.operations.get', state: 'yes', note: 'finished operations are kept for a day' },
  { method: 'serviceusage.operations.list, cancel, delete; quotas (v1beta1); policies (v2)', state: 'no', note: '' },
]
