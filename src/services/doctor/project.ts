import { REQUIRED_SERVICES } from '../../contracts/required-services.ts'
import { isBillingEnabled } from '../../google/admin/billing.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { projectNumber } from '../../google/admin/resource-manager.ts'
import { disabledServices } from '../../google/admin/service-usage.ts'
import { failed, ok, warning, type Check } from './check.ts'

export const project: Check = {
  name: 'project',
  title: 'Project',
  async run({ target: { place } }) {
    try {
      return ok(`${place.projectId}, number ${await projectNumber(place.projectId)}`)
    } catch (error) {
      if (!(error instanceof CloudError) || error.reason === 'SERVICE_DISABLED') throw error
      if (error.status !== 'NOT_FOUND' && error.status !== 'PERMISSION_DENIED') throw error
      // Google does not reveal to other accounts whether a project exists.
      return failed(
        `${place.projectId} does not exist, or this account has no access to it: ${error.message}`,
        'gcloud projects list',
        `gcloud projects create ${place.projectId}`,
      )
    }
  },
}

export const billing: Check = {
  name: 'billing',
  title: 'Billing',
  async run({ target: { place } }) {
    if (await isBillingEnabled(place.projectId)) return ok('enabled')
    return failed(
      `billing is not enabled for ${place.projectId}, so Cloud Run and Vertex AI refuse calls`,
      'gcloud billing accounts list',
      `gcloud billing projects link ${place.projectId} --billing-account ACCOUNT`,
    )
  },
}

export const apis: Check = {
  name: 'apis',
  title: 'APIs',
  async run({ target: { place }, deployment }) {
    const names = REQUIRED_SERVICES.map(({ name }) => name)
    const off = await disabledServices(place.projectId, names)
    if (off.length === 0) return ok(`all ${names.length} enabled`)
    const fix = `gcloud services enable ${off.join(' ')} --project ${place.projectId}`
    const detail = `not enabled: ${off.join(', ')}`
    return deployment ? failed(detail, fix) : warning(`${detail}; a deploy enables them`, fix)
  },
}
