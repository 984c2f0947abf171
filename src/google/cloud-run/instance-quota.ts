/**
 * How Cloud Run refuses more instances than the project's quota of CPU or memory in the region has room for: today's
 * wording (googlecodelabs/feedback#1856 for CPU, #2311 for memory) and that of 2023 (firebase/firebase-tools#5867).
 */
const REFUSALS: readonly RegExp[] = [
  /\bMax instances must be set to (\d+) or fewer\b/i,
  /\bmaxScale may not exceed (\d+)\b/,
]

/**
 * Returns the maximum instances that a refusal allows for a service; undefined if it refuses something else. Can be 0.
 *
 * The refusal is the only reliable source: the quota that Google's APIs report can be higher than what is applied.
 */
export function allowedInstances({ message }: Pick<Error, 'message'>): number | undefined {
  for (const refusal of REFUSALS) {
    const [, count] = refusal.exec(message) ?? []
    if (count !== undefined) return Number(count)
  }
  return undefined
}
