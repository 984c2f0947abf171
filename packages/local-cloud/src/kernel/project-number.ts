import { createHash } from 'node:crypto'

/** Returns a project's number: twelve digits as at Google, the same at every start. */
export function projectNumberOf(projectId: string): string {
  const digest = createHash('sha256').update(projectId).digest('hex')
  return `1${(BigInt(`0x${digest}`) % 10n ** 11n).toString().padStart(11, '0')}`
}
