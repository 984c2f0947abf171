import { callApi } from '../rest/rest.ts'

/** The effective organization policy in a project. */
export interface EffectivePolicy {
  /** Set for a boolean constraint. */
  isEnforced: boolean
  /** Parameters of a managed constraint that is enforced; empty for other constraints. */
  parameters: Readonly<Record<string, unknown>>
  /** For a list constraint: the only allowed values; undefined when all values except `denied` are allowed. */
  allowed: readonly string[] | undefined
  denied: readonly string[]
}

interface Policy {
  spec?: {
    rules?: {
      enforce?: boolean
      parameters?: Record<string, unknown>
      allowAll?: boolean
      denyAll?: boolean
      values?: { allowedValues?: string[]; deniedValues?: string[] }
    }[]
  }
}

/**
 * Reads a constraint such as `run.allowedIngress`
 * (https://cloud.google.com/resource-manager/docs/reference/orgpolicy/rest/v2/projects.policies/getEffectivePolicy).
 */
export async function effectivePolicy(projectId: string, constraint: string): Promise<EffectivePolicy> {
  const path = `v2/projects/${projectId}/policies/${constraint}:getEffectivePolicy`
  const rules = (await callApi<Policy>('orgpolicy', path)).spec?.rules ?? []
  const allowed = rules.flatMap(({ values }) => values?.allowedValues ?? [])
  const isClosed = rules.some(({ denyAll }) => denyAll)
  return {
    isEnforced: rules.some(({ enforce }) => enforce),
    parameters: Object.assign({}, ...rules.map(({ enforce, parameters }) => (enforce ? parameters : {}))),
    allowed: isClosed || allowed.length > 0 ? allowed : undefined,
    denied: rules.flatMap(({ values }) => values?.deniedValues ?? []),
  }
}
