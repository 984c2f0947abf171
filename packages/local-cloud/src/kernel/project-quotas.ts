/** What Google allows the project, by region. It differs from project to project and grows with its use. */
export interface ProjectQuotas {
  /** Cloud Run's `CpuAllocPerProjectRegion`, in thousandths of a CPU. */
  runCpuMillis: number
  /** Cloud Run's `MemAllocPerProjectRegion`, in bytes. */
  runMemoryBytes: number
  /** The regions in which Cloud Build builds for the project. */
  buildRegions: readonly string[]
}

/**
 * What a new project has: quotas as in Cloud Run's refusals (googlecodelabs/feedback#1856 and #2311), and the regions of
 * https://cloud.google.com/build/docs/locations#restricted_regions_for_some_projects, as of 2026-11.
 */
export const NEW_PROJECT: ProjectQuotas = {
  runCpuMillis: 20_000,
  runMemoryBytes: 42_949_672_960,
  buildRegions: ['asia-east1', 'australia-southeast1', 'europe-west1', 'southamerica-east1', 'us-central1', 'us-west2'],
}
