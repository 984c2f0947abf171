import type * as z from 'zod'

/** What is wrong with a file, one clause for each part. */
export function plainIssues({ issues }: z.ZodError): string {
  return issues
    .map(({ path, message }) => {
      const part = path.length === 0 ? 'it' : path.join('.')
      const isMissing = message.endsWith('received undefined')
      return isMissing ? `${part} is missing` : `${part}: ${message.replace(/^Invalid input: /, '')}`
    })
    .join('; ')
}
