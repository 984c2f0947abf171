import { styleText } from 'node:util'
import { plainLine, plainText } from './plain-text.ts'
import { wrapped } from './wrap.ts'

const MARKS = {
  ok: styleText('green', '✔'),
  warning: styleText('yellow', '!'),
  failed: styleText('red', '✖'),
  unknown: styleText('dim', '?'),
} as const

/**
 * Formats the checks with their marks, and the fixes below them. Breaks text at spaces to fit `width`, but not commands,
 * which people copy.
 */
export function formatChecks(
  checks: readonly { title: string; status: keyof typeof MARKS; detail: string; fixes: readonly string[] }[],
  width: number,
): string {
  return checks
    .flatMap(({ title, status, detail, fixes }) => [
      `${MARKS[status]} ${wrapped(`${plainLine(title)}: ${plainText(detail)}`, width - 2).join('\n  ')}`,
      ...fixes.map((fix) => `    ${plainLine(fix)}`),
    ])
    .join('\n')
}
