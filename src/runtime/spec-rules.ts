import { endpointFault } from '../contracts/model-endpoint.ts'
import { type DeploymentRef, runIdInNames } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'

/** A run's spec that would lead the runtime to where it has no business. */
export class SpecRefused extends Error {
  override readonly name = 'SpecRefused'
}

export interface SpecRules {
  place: DeploymentRef
  /** Origins that may answer in Gemini's place, and be shown the runtime's access token; undefined in a local cloud, where any may. */
  modelOrigins: readonly string[] | undefined
}

/** Google's own endpoints, regional ones too (https://cloud.google.com/vertex-ai/docs/reference/rest#service-endpoint). */
const GOOGLE = /^https:\/\/([a-z0-9-]+\.)*googleapis\.com$/

/**
 * What a spec may say. It lies in the deployment's bucket, where everyone who may start runs can
 * write; the runtime acts on it with an account that may do more than they. So its tables are those
 * that its run id and name give, in the deployment's own project, and its model is at Google or
 * where the deployment's owner has said.
 *
 * @throws SpecRefused
 */
export function checkSpec(spec: RunSpec, { place, modelOrigins }: SpecRules): void {
  const { run_id: runId, tables, gemini } = spec
  if (spec.place.projectId !== place.projectId || spec.place.region !== place.region)
    throw new SpecRefused(`run ${runId} is of ${spec.place.projectId} in ${spec.place.region}, not of this deployment`)
  // The results table may have a name of the user's own, from which the others are made.
  const own = (['assets', 'attempts', 'live', 'source'] as const).every((role) =>
    tables[role].endsWith(`_${runIdInNames(runId)}_${role}`),
  )
  if (!own || tables.projectId !== place.projectId)
    throw new SpecRefused(`run ${runId} names tables that are not its own`)
  const fault = gemini?.endpoint ? endpointFault(gemini.endpoint) : undefined
  if (fault !== undefined) throw new SpecRefused(`the model endpoint of run ${runId} ${fault}`)
  const origin = gemini?.endpoint ? new URL(gemini.endpoint).origin : undefined
  if (origin === undefined || modelOrigins === undefined || GOOGLE.test(origin) || modelOrigins.includes(origin)) return
  throw new SpecRefused(
    `run ${runId} asks its model at ${origin}, which would be shown the runtime's access token: the deployment's owner allows that by imagery deploy --allow-model-origin ${origin}`,
  )
}
