import { styleText } from 'node:util'

/** An error as a person reads it: what happened, then what to type. */
export function formatFailure(failure: { code: string; message: string; suggestions: readonly string[]; stack?: string }): string {
  const lines = failure.stack ? [styleText('dim', failure.stack), ''] : []
  lines.push(`${styleText(['bold', 'red'], 'Error')} ${failure.message} ${styleText('dim', `[${failure.code}]`)}`)
  if (failure.suggestions.length > 0) {
    lines.push('', styleText('bold', failure.suggestions.length === 1 ? 'Try this' : 'Try one of these'))
    lines.push(...failure.suggestions.map((suggestion) => `  ${suggestion}`))
  }
  return lines.join('\n')
}
