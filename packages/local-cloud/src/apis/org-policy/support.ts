import type { SupportEntry } from '../../kernel/support.ts'

/** How much of Organization Policy is emulated, for packages/local-cloud/docs/emulator-support.md. */
export const SUPPORT: readonly SupportEntry[] = [
  {
    method: 'orgpolicy.projects.policies.getEffectivePolicy',
    state: 'partly',
    note: "the rules of the local cloud's conditions, otherwise Google's defaults for the constraints that affect the emulated APIs; others are refused by name. Only disableServiceAccountCreation, old and managed, is enforced",
  },
  { method: 'orgpolicy: other methods, constraints, folders, organizations', state: 'no', note: '' },
]
