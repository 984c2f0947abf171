import { ImageryError } from '../../contracts/errors.ts'
import { bucketName, mainService, populateService, type DeploymentRef } from '../../contracts/names.ts'
import { describeService } from '../../google/cloud-run/services.ts'

/** Which cloud a command works on. */
export interface Target {
  kind: 'local' | 'google'
  place: DeploymentRef
  /** The state store's key of this target: two data folders, or two projects, never mix. */
  key: string
  /** What a suggested command must carry to work on this target, with a space before: ` --local`, ` --project p --region r`, or nothing. */
  flags: string
}

/** A deployment that is ready: the two services and the bucket. */
export interface Deployment {
  place: DeploymentRef
  bucket: string
  mainUrl: string
  populateUrl: string
  /** What main and populate run, as `runtimeHash` tells; empty texts when they do not say. */
  runtimeHashes: readonly string[]
}

/** @param flags the target as the user named it, for commands to type next */
export function localTarget(dataDirectory: string, place: DeploymentRef, flags = ' --local'): Target {
  const key = `local:${dataDirectory}${place.name === undefined ? '' : `/${place.name}`}`
  return { kind: 'local', place, key, flags }
}

/** The state store's key of a place on Google. */
export function googleKey({ projectId, region, name }: DeploymentRef): string {
  return `google:${projectId}/${region}${name === undefined ? '' : `/${name}`}`
}

/** @param flags what a command to type next must carry, as `placeFlags` gives it */
export function googleTarget(place: DeploymentRef, flags: string): Target {
  return { kind: 'google', place, key: googleKey(place), flags }
}

/** A place as it is shown to people. */
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

/** The deployment of a project and region, or undefined when a service is missing or not ready. */
export async function findDeployment(place: DeploymentRef): Promise<Deployment | undefined> {
  const [main, populate] = await Promise.all([
    describeService(place, mainService(place)),
    describeService(place, populateService(place)),
  ])
  if (!main?.ready || !populate?.ready) return undefined
  return {
    place,
    bucket: bucketName(place),
    mainUrl: main.url,
    populateUrl: populate.url,
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
