import { CloudError } from './errors.ts'

/** IAM makes no promise, but most changes are seen everywhere within two minutes (https://cloud.google.com/iam/docs/access-change-propagation). */
export const SETTLE_MS = 2 * 60_000

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 8_000

/** Repeats work while it fails in a way that is `isPassing`, until what was made before it is known everywhere or `settleMs` have passed. */
export async function settled<Result>(
  work: () => Promise<Result>,
  options: { isTransient: (error: CloudError) => boolean; settleMs: number },
): Promise<Result> {
  const until = performance.now() + options.settleMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await work()
    } catch (error) {
      const mayRepeat = error instanceof CloudError && options.isTransient(error)
      if (!mayRepeat || performance.now() + pauseMs > until) throw error
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
}
