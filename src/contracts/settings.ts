import { DEPLOYMENT_NAME } from './names.ts'

/** The settings that identify a deployment, most significant first. */
export const SETTING_NAMES = ['project', 'region', 'name'] as const

export type SettingName = (typeof SETTING_NAMES)[number]

/** The region of a deployment when the user names none. */
export const DEFAULT_REGION = 'us-central1'

/**
 * https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin; older IDs contain a
 * domain.
 */
const PROJECT_ID = /^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/

/** https://cloud.google.com/run/docs/locations */
const REGION = /^[a-z]+-[a-z]+\d+$/

/** A zone is a region's name and a letter (https://cloud.google.com/compute/docs/regions-zones#identifying_a_region_or_zone). */
const ZONE = /^([a-z]+-[a-z]+\d+)-[a-z]$/

/** Returns what is wrong with a setting's value, and what to use instead; undefined for a plausible value. */
export function settingFault(setting: SettingName, value: string): { fault: string; instead: string } | undefined {
  switch (setting) {
    case 'project':
      return projectFault(value)
    case 'region':
      return regionFault(value)
    case 'name':
      // The unnamed deployment has an empty name.
      if (value === '' || DEPLOYMENT_NAME.test(value)) return undefined
      return {
        fault:
          'is not a valid deployment name: use up to 14 lower-case letters, digits and hyphens, beginning with a letter',
        instead: 'test',
      }
  }
}

function projectFault(value: string): { fault: string; instead: string } | undefined {
  if (PROJECT_ID.test(value)) return undefined
  if (/^\d+$/.test(value)) {
    return {
      fault: 'is a project number; imagery needs the project ID, because bucket and account names contain it',
      instead: `$(gcloud projects describe ${value} --format='value(projectId)')`,
    }
  }
  return {
    fault: 'is not a valid project ID: use 6 to 30 lower-case letters, digits and hyphens, beginning with a letter',
    instead: 'my-project',
  }
}

function regionFault(value: string): { fault: string; instead: string } | undefined {
  if (REGION.test(value)) return undefined
  const zone = ZONE.exec(value)
  if (zone?.[1]) return { fault: 'is a zone; Cloud Run needs a region', instead: zone[1] }
  if (/^(?:us|eu)$/i.test(value)) {
    return {
      fault: 'is a BigQuery multi-region; Cloud Run needs a region, and can read tables in any location',
      instead: value.toLowerCase() === 'eu' ? 'europe-west1' : DEFAULT_REGION,
    }
  }
  return { fault: 'is not a Google Cloud region', instead: DEFAULT_REGION }
}
