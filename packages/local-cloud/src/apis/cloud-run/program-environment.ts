import path from 'node:path'
import { FRONT_DOOR_VARIABLE } from '../../contract/front-door.ts'
import type { EnvironmentVariable } from './resources.ts'

/** The base image's PATH without Node.js itself. */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

export interface ProgramEnvironment {
  directory: string
  /** Variables of the image: ENV in its Dockerfile. */
  image: Readonly<Record<string, string>>
  container: readonly EnvironmentVariable[]
  localCloud: Record<string, string>
  /** The service's own address. */
  uri: string
  port: number
  /** Identifies requests from the front door. */
  secret: string
  service: string
  revision: string
}

/**
 * The whole environment of an instance: it inherits nothing from this process, so that a program does
 * not get the user's secrets or settings, which it would not have in the cloud.
 * https://cloud.google.com/run/docs/container-contract#services-env-vars
 */
export function programEnvironment(settings: ProgramEnvironment): Record<string, string> {
  const variables = Object.fromEntries(settings.container.map(({ name, value }) => [name, value ?? '']))
  return {
    HOME: settings.directory,
    PATH: [path.dirname(process.execPath), ...(process.platform === 'win32' ? [] : SYSTEM_PATH)].join(path.delimiter),
    // Without it, Windows cannot open sockets.
    ...(process.env['SystemRoot'] === undefined ? {} : { SystemRoot: process.env['SystemRoot'] }),
    IMAGERY_TOKEN_AUDIENCES: settings.uri,
    ...settings.image,
    ...variables,
    // Overrides the program's own variables: a request to the real cloud by mistake is worse than an ignored
    // setting.
    ...settings.localCloud,
    [FRONT_DOOR_VARIABLE]: settings.secret,
    PORT: String(settings.port),
    K_SERVICE: settings.service,
    K_REVISION: settings.revision,
    K_CONFIGURATION: settings.service,
  }
}
