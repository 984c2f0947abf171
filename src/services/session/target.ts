import { ImageryError } from '../../contracts/errors.ts'
import { bucketName, mainService, populateService, type DeploymentRef } from '../../contracts/names.ts'
import { findService } from '../../google/cloud-run/find-service.ts'

/** The cloud that a command works on. */
export interface Target {
  kind: 'local' | 'google'
  place: DeploymentRef
  /** The state store's key for this target, which keeps data folders and projects apart. */
  key: string
  /** The flags that a suggested command needs to work on this target, with a leading space: ` --local`, ` --project p --region r`, or empty. */
  flags: string
  /** The data folder of a local cloud. */
  dataDirectory?: string
}

/** A ready deployment: the two services and the bucket. */
export interface Deployment {
  place: DeploymentRef
  bucket: string
  mainUrl: string
  populateUrl: string
  /** The maximum instances of main. */
  maxInstances: number
  /** The source hashes of main and populate; an empty text if a service has none. */
  runtimeHashes: readonly string[]
}

/** @param flags the target as the user named it, for suggested commands */
export function localTarget(dataDirectory: string, place: DeploymentRef, flags = ' --local'): Target {
  const key = `local:${dataDirectory}${place.name === undefined ? '' : `/${place.name}`}`
  return { kind: 'local', place, key, flags, dataDirectory }
}

/** Returns the state store's key for a deployment on Google Cloud. */
export function googleKey({ projectId, region, name }: DeploymentRef): string {
  return `google:${projectId}/${region}${name === undefined ? '' : `/${name}`}`
}

/** @param flags the flags for suggested commands, as `deploymentFlags` returns them */
export function googleTarget(place: DeploymentRef, flags: string): Target {
  return { kind: 'google', place, key: googleKey(place), flags }
}

/** Describes a deployment for people. */
export function deploymentText({ projectId, region, name }: DeploymentRef): string {
  return `project ${projectId}, region ${region}${name === undefined ? '' : `, deployment ${name}`}`
}

/** A deployment in the public JSON documents. */
export interface DeploymentJson {
  project_id: string
  region: string
  /** Null for the deployment without a name. */
  name: string | null
}

export function deploymentJson({ projectId, region, name }: DeploymentRef): DeploymentJson {
  return { project_id: projectId, region, name: name ?? null }
}

/** Finds the deployment of a project and region. Returns undefined if a service is missing or not ready. */
export async function findDeployment(place: DeploymentRef): Promise<Deployment | undefined> {
  const [main, populate] = await Promise.all([
    findService(place, mainService(place)),
    findService(place, populateService(place)),
  ])
  if (!main?.ready || !populate?.ready) return undefined
  return {
    place,
    bucket: bucketName(place),
    mainUrl: main.url,
    populateUrl: populate.url,
    maxInstances: main.maxInstances,
    runtimeHashes: [main.sourceHash, populate.sourceHash],
  }
}

/** @throws ImageryError DEPLOYMENT_NOT_FOUND */
export async function requireDeployment(target: Target): Promise<Deployment> {
  const deployment = await findDeployment(target.place)
  if (deployment) return deployment
  throw new ImageryError('DEPLOYMENT_NOT_FOUND', `imagery is not deployed in ${deploymentText(target.place)}`, {
    suggestions: [`imagery deploy${target.flags}`],
  })
}
