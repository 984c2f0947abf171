import { DEPLOYMENT_NAME } from './names.ts'

/** What tells one deployment from another, in the order in which people think of them. */
export const SETTING_NAMES = ['project', 'region', 'name'] as const

export type SettingName = (typeof SETTING_NAMES)[number]

/** Where a deployment goes whose user names no region. */
export const DEFAULT_REGION = 'us-central1'

/** https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin; older ids carry a domain. */
const PROJECT_ID = /^(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]$/

/** https://cloud.google.com/run/docs/locations */
const REGION = /^[a-z]+-[a-z]+\d+$/

/** A zone is a region's name and a letter (https://cloud.google.com/compute/docs/regions-zones#identifying_a_region_or_zone). */
const ZONE = /^([a-z]+-[a-z]+\d+)-[a-z]$/

/** What is wrong with a setting's value, and what to write instead; undefined when it may be right. */
export function settingFault(setting: SettingName, value: string): { fault: string; instead: string } | undefined {
  switch (setting) {
    case 'project':
      return projectFault(value)
    case 'region':
      return regionFault(value)
    case 'name':
      // The empty name is the unnamed deployment's.
      if (value === '' || DEPLOYMENT_NAME.test(value)) return undefined
      return {
        fault: 'is no name of a deployment: up to 14 lower-case letters, digits and hyphens, beginning with a letter',
        instead: 'test',
      }
  }
}

function projectFault(value: string): { fault: string; instead: string } | undefined {
  if (PROJECT_ID.test(value)) return undefined
  if (/^\d+$/.test(value)) {
    return {
      fault: 'is a project number; imagery names buckets and accounts after the project id',
      instead: `$(gcloud projects describe ${value} --format='value(projectId)')`,
    }
  }
  return {
    fault: 'is no project id: 6 to 30 lower-case letters, digits and hyphens, beginning with a letter',
    instead: 'my-project',
  }
}

function regionFault(value: string): { fault: string; instead: string } | undefined {
  if (REGION.test(value)) return undefined
  const zone = ZONE.exec(value)
  if (zone?.[1]) return { fault: 'is a zone; Cloud Run runs in regions', instead: zone[1] }
  if (/^(?:us|eu)$/i.test(value)) {
    return {
      fault: 'is a multi-region of BigQuery; Cloud Run runs in regions, and reads tables of any location',
      instead: value.toLowerCase() === 'eu' ? 'europe-west1' : DEFAULT_REGION,
    }
  }
  return { fault: 'is no region of Google Cloud', instead: DEFAULT_REGION }
}
