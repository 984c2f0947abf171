import { ImageryError } from '../../contracts/errors.ts'
import type { DeploymentRef } from '../../contracts/names.ts'
import { DEFAULT_REGION, SETTING_NAMES, settingFault, type SettingName } from '../../contracts/settings.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { gcloudConfiguration } from './gcloud-configuration.ts'

/** The sources of a setting, highest precedence first. */
export type SettingSource =
  | 'flag'
  | 'environment'
  | 'config'
  | 'deployment'
  | 'gcloud'
  | 'credentials'
  | 'default'
  | 'unset'

/** A setting's current value, and where it is set. */
export interface Setting {
  /** Null if it is not set, or is set to none. */
  value: string | null
  source: SettingSource
  /** The exact place: a flag, a variable, a file, or a configuration's name. */
  from: string
}

export type Settings = Record<SettingName, Setting>

export type GivenSettings = Partial<Record<SettingName, string | undefined>>

/**
 * Variables by name of the setting: imagery's own, then those that Google's own tools read
 * (https://cloud.google.com/docs/authentication/application-default-credentials,
 * https://cloud.google.com/sdk/docs/properties#setting_properties_using_environment_variables).
 */
const VARIABLES: Record<SettingName, readonly string[]> = {
  project: ['IMAGERY_PROJECT', 'GOOGLE_CLOUD_PROJECT', 'GCLOUD_PROJECT', 'CLOUDSDK_CORE_PROJECT'],
  region: ['IMAGERY_REGION', 'CLOUDSDK_RUN_REGION', 'CLOUDSDK_COMPUTE_REGION'],
  name: ['IMAGERY_NAME'],
}

export interface SettingSources {
  flags: GivenSettings
  environment: NodeJS.ProcessEnv
  /** The values that `imagery config set` saved. */
  stored: GivenSettings
  /** The deployments that this machine remembers. */
  deployments: readonly DeploymentRef[]
  /** The project of the credentials. Called last, because it can have to search for a metadata server. */
  credentialsProject: () => Promise<{ projectId: string; from: string } | undefined>
}

/**
 * Resolves project, region and name. A flag overrides an environment variable, which overrides
 * `imagery config`, then gcloud's active configuration, the credentials' project and the defaults. If
 * only one deployment of the project is remembered, it gives the region and name that flags, variables
 * and `imagery config` leave unset, and the project if gcloud leaves it unset.
 *
 * @throws ImageryError INVALID_FLAG, INVALID_CONFIGURATION for an invalid value, with the place where it is set
 */
export async function resolveSettings(sources: SettingSources): Promise<Settings> {
  const gcloud = gcloudConfiguration(sources.environment)
  const said = {
    project: textOf('project', sources),
    region: textOf('region', sources),
    name: textOf('name', sources),
  }
  const ofGcloud = (setting: 'project' | 'region'): Setting | undefined => {
    const value = gcloud?.[setting]
    return value === undefined ? undefined : { value, source: 'gcloud', from: `gcloud configuration ${gcloud?.name}` }
  }
  const named = said.project ?? ofGcloud('project')
  const only = onlyDeployment(sources.deployments, {
    project: named?.value ?? undefined,
    region: said.region?.value ?? undefined,
    name: said.name === undefined ? undefined : (said.name.value ?? ''),
  })
  const remembered = (value: string | null): Setting | undefined =>
    only && { value, source: 'deployment', from: 'the only remembered deployment' }
  const settings: Settings = {
    project: named ?? remembered(only?.projectId ?? null) ?? (await ofCredentials(sources)) ?? NOT_SET,
    region: said.region ??
      remembered(only?.region ?? null) ??
      ofGcloud('region') ?? { value: DEFAULT_REGION, source: 'default', from: 'default' },
    name: said.name ?? remembered(only?.name ?? null) ?? NOT_SET,
  }
  for (const setting of SETTING_NAMES) checkSetting(setting, settings[setting])
  return settings
}

const NOT_SET: Setting = { value: null, source: 'unset', from: 'not set' }

/** Returns a setting's value from flags, variables or `imagery config`. */
function textOf(setting: SettingName, { flags, environment, stored }: SettingSources): Setting | undefined {
  const flag = flags[setting]
  if (flag !== undefined) return { value: flag, source: 'flag', from: `--${setting}` }
  for (const variable of VARIABLES[setting]) {
    const value = environment[variable]
    if (value) return { value, source: 'environment', from: variable }
  }
  const kept = stored[setting]
  return kept === undefined ? undefined : { value: kept, source: 'config', from: 'imagery config' }
}

async function ofCredentials({ credentialsProject }: SettingSources): Promise<Setting | undefined> {
  const found = await credentialsProject()
  return found && { value: found.projectId, source: 'credentials', from: found.from }
}

function onlyDeployment(deployments: readonly DeploymentRef[], wanted: GivenSettings): DeploymentRef | undefined {
  const matching = deployments.filter(
    ({ projectId, region, name = '' }) =>
      (wanted.project ?? projectId) === projectId &&
      (wanted.region ?? region) === region &&
      (wanted.name ?? name) === name,
  )
  return matching.length === 1 ? matching[0] : undefined
}

/** @throws ImageryError INVALID_FLAG for a flag's value, else INVALID_CONFIGURATION */
function checkSetting(setting: SettingName, { value, source, from }: Setting): void {
  if (value === null) return
  const wrong = settingFault(setting, value)
  if (!wrong) return
  throw source === 'flag'
    ? invalidValue(`--${setting} ${shellWord(value)}`, wrong.fault, `--${setting} ${wrong.instead}`)
    : new ImageryError('INVALID_CONFIGURATION', `The ${setting} ${value} (${from}) ${wrong.fault}`, {
        suggestions: [`imagery config set ${setting} ${wrong.instead}`, `--${setting} ${wrong.instead}`],
      })
}

/** @throws ImageryError INVALID_FLAG for a value that `imagery config set` must not save */
export function checkStoredSetting(setting: SettingName, value: string): void {
  const wrong = settingFault(setting, value)
  if (wrong)
    throw invalidValue(`${setting} ${shellWord(value)}`, wrong.fault, `imagery config set ${setting} ${wrong.instead}`)
}

function invalidValue(what: string, fault: string, suggestion: string): ImageryError {
  return new ImageryError('INVALID_FLAG', `${what} ${fault}`, { suggestions: [suggestion] })
}

/** @throws ImageryError PROJECT_NOT_SET */
export function resolvedDeployment({ project, region, name }: Settings): DeploymentRef {
  if (project.value === null || region.value === null) {
    throw new ImageryError('PROJECT_NOT_SET', 'No Google Cloud project is set', {
      suggestions: [
        'Run the same command with --project PROJECT',
        'imagery config set project PROJECT',
        'Run the same command with --local   (needs no project and no account)',
      ],
    })
  }
  return { projectId: project.value, region: region.value, ...(name.value ? { name: name.value } : {}) }
}

/** Sources that another shell does not share. */
const OF_THIS_COMMAND: ReadonlySet<SettingSource> = new Set(['flag', 'environment'])

/** Returns the flags that a suggested command needs to work on the same deployment from any shell, with a leading space; empty if the user's own files give every setting. */
export function deploymentFlags({ projectId, region, name }: DeploymentRef, settings: Settings): string {
  if (!SETTING_NAMES.some((setting) => OF_THIS_COMMAND.has(settings[setting].source))) return ''
  const words = [
    `--project ${shellWord(projectId)}`,
    `--region ${region}`,
    ...(name === undefined ? [] : [`--name ${name}`]),
  ]
  return ` ${words.join(' ')}`
}
