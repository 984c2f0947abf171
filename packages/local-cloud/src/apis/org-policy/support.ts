import type { SupportEntry } from '../../kernel/support.ts'

/** How much of Organization Policy is emulated, for packages/local-cloud/docs/emulator-support.md. */
export const ORGPOLICY_SUPPORT: readonly SupportEntry[] = [
  {
    method: 'orgpolicy.projects.policies.getEffectivePolicy',
    state: 'partly',
    note: "the local project belongs to no organization: Google's defaults for the constraints that affect the emulated APIs; others are refused by name",
  },
  { method: 'orgpolicy: other methods, constraints, folders, organizations', state: 'no', note: '' },
]
