import type { SupportEntry } from '../../kernel/support.ts'

/** How much of Cloud Billing is emulated, for packages/local-cloud/docs/emulator-support.md. */
export const SUPPORT: readonly SupportEntry[] = [
  { method: 'cloudbilling.projects.getBillingInfo', state: 'yes', note: 'the local project has a billing account' },
  { method: 'cloudbilling.projects.updateBillingInfo, billingAccounts, services.skus', state: 'no', note: '' },
]
