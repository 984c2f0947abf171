/**
 * Waits until all work has ended, also after a failure, so that nothing is created after what the caller does about it. Returns
 * the results, or rejects with the failure of the first in the list that failed.
 */
export async function allEnded<Work extends readonly Promise<unknown>[] | []>(
  work: Work,
): Promise<{ -readonly [Index in keyof Work]: Awaited<Work[Index]> }> {
  await Promise.allSettled(work)
  return Promise.all(work)
}
