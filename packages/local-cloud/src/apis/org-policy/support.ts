import type { SupportEntry } from '../../kernel/support.ts'

/** What the emulated Organization Policy has of Google's, for packages/local-cloud/docs/emulator-support.md. */
export const ORGPOLICY_SUPPORT: readonly SupportEntry[] = [
  {
    method: 'orgpolicy.projects.policies.getEffectivePolicy',
    state: 'partly',
    note: "the local project belongs to no organisation: Google's default of the constraints that bear on the emulated APIs; others are refused by name",
  },
  { method: 'orgpolicy: other methods, constraints, folders, organizations', state: 'no', note: '' },
]
