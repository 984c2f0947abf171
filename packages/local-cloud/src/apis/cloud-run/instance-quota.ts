import { GoogleError } from '../../kernel/errors.ts'
import type { ProjectQuotas } from '../../kernel/project-quotas.ts'
import { cpuCount, mebibytes } from './container-validation.ts'
import type { Service } from './resources.ts'

export type RunQuotas = Pick<ProjectQuotas, 'runCpuMillis' | 'runMemoryBytes'>

/** A quota of CPU or memory, and what a service asks of it. */
interface Share {
  quota: string
  what: string
  each: number
  allowed: number
}

/**
 * Refuses more instances, of a service or of its revisions, than the quota of the project and region has room for. Each
 * service is checked for itself: the instances of other services count only while they run
 * (https://cloud.google.com/run/docs/configuring/max-instances-limits). Without a number, Cloud Run takes what fits.
 *
 * The wording is that of googlecodelabs/feedback#1856 (CPU and memory) and #2311 (memory). The number fits both quotas,
 * although only the first one is named.
 */
export function checkInstanceQuota(
  { scaling, template }: Pick<Service, 'scaling' | 'template'>,
  quotas: RunQuotas,
): void {
  const { containers } = template
  const count = Math.max(scaling?.maxInstanceCount ?? 0, template.scaling?.maxInstanceCount ?? 0)
  const limits = containers[0]?.resources?.limits ?? {}
  const shares: readonly Share[] = [
    {
      quota: 'CpuAllocPerProjectRegion',
      what: 'CPU',
      each: Math.round(cpuCount(limits['cpu'] ?? '1') * 1_000),
      allowed: quotas.runCpuMillis,
    },
    {
      quota: 'MemAllocPerProjectRegion',
      what: 'memory',
      each: mebibytes(limits['memory'] ?? '512Mi') * 1_048_576,
      allowed: quotas.runMemoryBytes,
    },
  ]
  const violated = shares.filter(({ each, allowed }) => count * each > allowed)
  const [first] = violated
  if (!first) return
  const fitting = Math.min(...shares.map(({ each, allowed }) => Math.floor(allowed / each)))
  throw new GoogleError(
    'INVALID_ARGUMENT',
    `scaling.max_instance_count: Max instances must be set to ${fitting} or fewer to set the requested total ${first.what}.\n` +
      'Consider running your workload in a region with greater capacity, or requesting an increase in quota for this region ' +
      'if you are seeing sustained usage near this limit, see https://cloud.google.com/run/quotas.\n\nQuota violated:\n' +
      violated.map(({ quota, each, allowed }) => `${quota} requested: ${count * each} allowed: ${allowed}`).join('\n'),
    { location: 'scaling.max_instance_count' },
  )
}
