import { callApi } from '../rest/rest.ts'

/** What an organisation's policy says in a project, all levels above it taken together. */
export interface EffectivePolicy {
  /** Of a boolean constraint. */
  isEnforced: boolean
  /** Of a list constraint: the only values allowed; undefined when all are, but for `denied`. */
  allowed: readonly string[] | undefined
  denied: readonly string[]
}

interface Policy {
  spec?: {
    rules?: {
      enforce?: boolean
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
    allowed: isClosed || allowed.length > 0 ? allowed : undefined,
    denied: rules.flatMap(({ values }) => values?.deniedValues ?? []),
  }
}
