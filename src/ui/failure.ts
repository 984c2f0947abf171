import { styleText } from 'node:util'
import { plainText } from './plain-text.ts'

type Format = Parameters<typeof styleText>[0]

/** An error as a person reads it on stderr: what happened, then what to type. */
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

/** Styled if stderr takes styles: stdout, which Node asks unless told, may be something else. */
function styled(format: Format, text: string): string {
  return styleText(format, text, { stream: process.stderr })
}
