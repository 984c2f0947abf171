import { endpointFault } from '../contracts/model-endpoint.ts'
import { type DeploymentRef, runIdInNames } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'

/** A run's spec that would make the runtime use resources outside its deployment. */
export class SpecError extends Error {
  override readonly name = 'SpecError'
}

export interface SpecRules {
  place: DeploymentRef
  /**
   * Origins that may replace Gemini and receive the runtime's access token; undefined in a local cloud, which allows
   * any.
   */
  modelOrigins: readonly string[] | undefined
}

/** Google's own endpoints, regional ones too (https://cloud.google.com/vertex-ai/docs/reference/rest#service-endpoint). */
const GOOGLE = /^https:\/\/([a-z0-9-]+\.)*googleapis\.com$/

/**
 * Checks what a spec contains. Everyone who may start runs can write to the deployment's bucket, and the
 * runtime acts on the spec with an account that has more permissions than they have. So its tables must
 * be those derived from its run ID and name in the deployment's project, and its model must be at Google
 * or at an origin that the deployment's owner allowed.
 *
 * @throws SpecError
 */
export function checkSpec(spec: RunSpec, { place, modelOrigins }: SpecRules): void {
  const { run_id: runId, tables, gemini } = spec
  if (spec.place.projectId !== place.projectId || spec.place.region !== place.region)
    throw new SpecError(
      `run ${runId} belongs to ${spec.place.projectId} in ${spec.place.region}, not to this deployment`,
    )
  // The user can name the results table; the other names are derived from it.
  const own = (['assets', 'attempts', 'live', 'source'] as const).every((role) =>
    tables[role].endsWith(`_${runIdInNames(runId)}_${role}`),
  )
  if (!own || tables.projectId !== place.projectId)
    throw new SpecError(`run ${runId} names tables that do not belong to it`)
  const fault = gemini?.endpoint ? endpointFault(gemini.endpoint) : undefined
  if (fault !== undefined) throw new SpecError(`the model endpoint of run ${runId} ${fault}`)
  const origin = gemini?.endpoint ? new URL(gemini.endpoint).origin : undefined
  if (origin === undefined || modelOrigins === undefined || GOOGLE.test(origin) || modelOrigins.includes(origin)) return
  throw new SpecError(
    `run ${runId} calls its model at ${origin}, which would receive the runtime's access token; the deployment's owner can allow it with imagery deploy --allow-model-origin ${origin}`,
  )
}
