import path from 'node:path'
import { FRONT_DOOR_VARIABLE } from '../../contract/front-door.ts'
import type { EnvironmentVariable } from './resources.ts'

/** What the base image's PATH has beside Node.js itself. */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin']

export interface ProgramEnvironment {
  directory: string
  /** What the image itself sets: ENV of its Dockerfile. */
  image: Readonly<Record<string, string>>
  container: readonly EnvironmentVariable[]
  localCloud: Record<string, string>
  /** The service's own address. */
  uri: string
  port: number
  /** By it the program knows the requests of the front door. */
  secret: string
  service: string
  revision: string
}

/**
 * The whole environment of an instance: nothing of this process's own goes along, so that neither
 * the user's secrets nor their settings reach a program that would not have them in the cloud.
 * https://cloud.google.com/run/docs/container-contract#services-env-vars
 */
export function programEnvironment(settings: ProgramEnvironment): Record<string, string> {
  const variables = Object.fromEntries(settings.container.map(({ name, value }) => [name, value ?? '']))
  return {
    HOME: settings.directory,
    PATH: [path.dirname(process.execPath), ...(process.platform === 'win32' ? [] : SYSTEM_PATH)].join(path.delimiter),
    // Without it, Windows can open no socket.
    ...(process.env['SystemRoot'] === undefined ? {} : { SystemRoot: process.env['SystemRoot'] }),
    IMAGERY_TOKEN_AUDIENCES: settings.uri,
    ...settings.image,
    ...variables,
    // After the program's own: a request that goes to the real cloud by mistake is worse than a setting ignored.
    ...settings.localCloud,
    [FRONT_DOOR_VARIABLE]: settings.secret,
    PORT: String(settings.port),
    K_SERVICE: settings.service,
    K_REVISION: settings.revision,
    K_CONFIGURATION: settings.service,
  }
}
