import os from 'node:os'
import path from 'node:path'
import { readTextFile } from '../../contracts/text-file.ts'

/** The properties of gcloud's active configuration that imagery uses. */
export interface GcloudConfiguration {
  /** The configuration's name: `default`, unless the user created others. */
  name: string
  project?: string
  region?: string
}

/** With this name, gcloud uses no configuration (https://cloud.google.com/sdk/docs/configurations#activating_a_configuration). */
const NO_CONFIGURATION = 'NONE'

/** Returns the folder of gcloud's files (https://cloud.google.com/sdk/docs/configurations#what_is_a_configuration). */
export function gcloudFolder(environment: NodeJS.ProcessEnv): string {
  const own = environment['CLOUDSDK_CONFIG']
  if (own) return own
  const appData = environment['APPDATA']
  return os.platform() === 'win32' && appData
    ? path.join(appData, 'gcloud')
    : path.join(environment['HOME'] ?? os.homedir(), '.config', 'gcloud')
}

/**
 * Reads gcloud's active configuration from its files, as gcloud does: the configuration that
 * CLOUDSDK_ACTIVE_CONFIG_NAME or the file `active_config` names
 * (https://cloud.google.com/sdk/docs/configurations). Does not run gcloud, which takes a second and
 * need not be installed. Returns undefined if there is none.
 */
export function gcloudConfiguration(environment: NodeJS.ProcessEnv): GcloudConfiguration | undefined {
  const folder = gcloudFolder(environment)
  const name = environment['CLOUDSDK_ACTIVE_CONFIG_NAME'] || textOf(path.join(folder, 'active_config'))?.trim()
  if (!name || name === NO_CONFIGURATION) return undefined
  const text = textOf(path.join(folder, 'configurations', `config_${name}`))
  if (text === undefined) return undefined
  const properties = iniProperties(text)
  const project = properties.get('core/project')
  // The Cloud Run region takes precedence over the Compute Engine region, as in `gcloud run`.
  const region = properties.get('run/region') ?? properties.get('compute/region')
  return { name, ...(project ? { project } : {}), ...(region ? { region } : {}) }
}

/** Returns the file's text, or undefined if the file is missing or not readable. */
function textOf(file: string): string | undefined {
  try {
    return readTextFile(file)
  } catch {
    return undefined
  }
}

/** Parses a file in the format of Python's configparser: `section/key` to value. */
function iniProperties(text: string): Map<string, string> {
  const properties = new Map<string, string>()
  let section = ''
  for (const line of text.split(/\r?\n/)) {
    const heading = /^\s*\[([^\]]+)\]\s*$/.exec(line)
    if (heading?.[1]) section = heading[1].trim()
    const property = /^\s*([^#;=:\s][^=:]*?)\s*[=:]\s*(.*?)\s*$/.exec(line)
    if (property?.[1] && property[2]) properties.set(`${section}/${property[1]}`, property[2])
  }
  return properties
}
