import { styleText } from 'node:util'
import { plainText } from './plain-text.ts'

type Format = Parameters<typeof styleText>[0]

/** Formats an error for stderr: what happened, then what to run. */
export function formatFailure(failure: {
  code: string
  message: string
  suggestions: readonly string[]
  stack?: string
}): string {
  const lines = failure.stack ? [styled('dim', plainText(failure.stack)), ''] : []
  lines.push(`${styled(['bold', 'red'], 'Error')} ${plainText(failure.message)} ${styled('dim', `[${failure.code}]`)}`)
  if (failure.suggestions.length > 0) {
    lines.push('', styled('bold', failure.suggestions.length === 1 ? 'Try this' : 'Try one of these'))
    lines.push(...failure.suggestions.map((suggestion) => `  ${plainText(suggestion)}`))
  }
  return lines.join('\n')
}

/** Styles text if stderr supports styles. By default, Node would check stdout. */
function styled(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stderr })
}
