import { CloudError } from './errors.ts'
import { pause, pausesNow } from './pauses.ts'

/**
 * IAM gives no guarantee, but most changes take effect everywhere within two minutes
 * (https://cloud.google.com/iam/docs/access-change-propagation).
 */
export const SETTLE_MS = 2 * 60_000

const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 8_000

/**
 * Retries work while `isPassing` accepts its failure, until an earlier change has taken effect everywhere or `settleMs`
 * have passed.
 */
export async function settled<Result>(
  work: () => Promise<Result>,
  options: { isTransient: (error: CloudError) => boolean; settleMs: number },
): Promise<Result> {
  const until = pausesNow() + options.settleMs
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, pauseMs * 2)) {
    try {
      return await work()
    } catch (error) {
      const mayRepeat = error instanceof CloudError && options.isTransient(error)
      if (!mayRepeat || pausesNow() + pauseMs > until) throw error
      await pause(pauseMs)
    }
  }
}
