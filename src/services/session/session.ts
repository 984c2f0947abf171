import { ImageryError } from '../../contracts/errors.ts'
import { invokerAccount, type DeploymentRef } from '../../contracts/names.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import { credentialsProject, findCredentials, type CredentialsOrigin } from '../../google/auth/credentials-origin.ts'
import { useQuotaProject } from '../../google/auth/quota-project.ts'
import { useLocalAccount, useProject } from '../../google/transport/environment.ts'
import { callServicesThrough } from '../../google/auth/service-tokens.ts'
import { attachLocalCloud, type AttachOptions } from '../local/cloud.ts'
import { openSettingsStore } from './settings-store.ts'
import { deploymentFlags, resolveSettings, resolvedDeployment, type GivenSettings, type Settings } from './settings.ts'
import { openStateStore, type StateStore } from './state-store.ts'
import { googleTarget, localTarget, type Target } from './target.ts'

/** A command's session: a cloud, and the state that this machine remembers. */
export interface Session {
  target: Target
  store: StateStore
  /** What answers in Gemini's place in a local cloud; undefined if nothing does. */
  gemini: string | undefined
  /** Whether the cloud keeps running after this command. */
  isLasting: boolean
  /** @throws ImageryError LOCAL_CLOUD_NOT_RUNNING if a command started the local cloud, because it then stops with its last command */
  requirePersistentCloud(): void
  close(): void
}

export interface LocalSessionOptions extends AttachOptions {
  dataDirectory: string
  /** The flags that a suggested command needs to work on the same cloud. */
  flags: string
  /** The deployment's name, if the local cloud has several. */
  name: string | undefined
}

/**
 * Opens the local cloud in a data folder.
 *
 * @throws ImageryError LOCAL_CLOUD_FAILED, INVALID_CONFIGURATION
 */
export async function openLocalSession(configDirectory: string, options: LocalSessionOptions): Promise<Session> {
  const store = await openStateStore(configDirectory)
  const { locator, endsWhenIdle, release } = await attachLocalCloud(options.dataDirectory, options)
  const { projectId, region } = locator
  const place = { projectId, region, ...(options.name ? { name: options.name } : {}) }
  await actIn(place)
  const requirePersistentCloud = (): void => {
    if (endsWhenIdle) throw notRunning(options.flags)
  }
  return {
    target: localTarget(options.dataDirectory, place, options.flags),
    store,
    gemini: locator.gemini,
    isLasting: !endsWhenIdle,
    requirePersistentCloud,
    close: release,
  }
}

function notRunning(flags: string): ImageryError {
  return new ImageryError(
    'LOCAL_CLOUD_NOT_RUNNING',
    '--no-wait needs a local cloud that keeps running after this command',
    {
      suggestions: [suggestedCommand('local start --detach', flags)],
    },
  )
}

/**
 * Opens a session on Google Cloud, with the settings from flags, environment, configuration and
 * credentials. Does not call Google yet.
 *
 * @throws ImageryError PROJECT_NOT_SET, CREDENTIALS_NOT_FOUND, INVALID_FLAG, INVALID_CONFIGURATION
 */
export async function openGoogleSession(configDirectory: string, flags: GivenSettings): Promise<Session> {
  const { settings, store } = await settingsInForce(configDirectory, flags)
  const place = resolvedDeployment(settings)
  useQuotaProject(place.projectId, await requiredCredentials())
  await actIn(place)
  return {
    target: googleTarget(place, deploymentFlags(place, settings)),
    store,
    gemini: undefined,
    isLasting: true,
    requirePersistentCloud: () => undefined,
    close: () => undefined,
  }
}

/** Sets the project and services that this process works with and, in a local cloud, its account. */
async function actIn(place: DeploymentRef): Promise<void> {
  useProject(place.projectId)
  callServicesThrough(invokerAccount(place))
  await useLocalAccount().catch((error: unknown) => {
    throw new ImageryError('INVALID_CONFIGURATION', (error as Error).message, { cause: error })
  })
}

/** Returns the settings that a command uses, and where they were read from. */
export async function settingsInForce(
  configDirectory: string,
  flags: GivenSettings,
): Promise<{ settings: Settings; store: StateStore; file: string }> {
  const store = await openStateStore(configDirectory)
  const { all, path } = await openSettingsStore(configDirectory)
  const settings = await resolveSettings({
    flags,
    environment: process.env,
    stored: all(),
    deployments: store.deployments(),
    credentialsProject,
  })
  return { settings, store, file: path }
}

async function requiredCredentials(): Promise<CredentialsOrigin> {
  const origin = await findCredentials()
  if (origin.kind !== 'none') return origin
  throw new ImageryError(
    'CREDENTIALS_NOT_FOUND',
    origin.problem === undefined
      ? 'This machine has no Google credentials'
      : `This machine has no usable Google credentials: ${origin.problem}`,
    {
      suggestions: [
        'gcloud auth application-default login',
        "GOOGLE_APPLICATION_CREDENTIALS=FILE   (a service account's key, or workload identity in CI: docs/ci.md)",
        'Run the same command with --local   (no account needed)',
      ],
    },
  )
}

// What a command does with Ctrl-C, while it has queries of its own in BigQuery.
export { cancelJobsOn as cancelQueriesOn, jobsSettled as queriesSettled } from '../../google/bigquery/jobs-in-flight.ts'
