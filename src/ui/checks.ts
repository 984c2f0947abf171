import { styleText } from 'node:util'
import { plainLine, plainText } from './plain-text.ts'

const MARKS = {
  ok: styleText('green', '✔'),
  warning: styleText('yellow', '!'),
  failed: styleText('red', '✖'),
  unknown: styleText('dim', '?'),
} as const

/** Formats one line per check with its mark, and the fixes below it. */
export function formatChecks(
  checks: readonly { title: string; status: keyof typeof MARKS; detail: string; fixes: readonly string[] }[],
): string {
  return checks
    .flatMap(({ title, status, detail, fixes }) => [
      `${MARKS[status]} ${plainLine(title)}: ${plainText(detail)}`,
      ...fixes.map((fix) => `    ${plainLine(fix)}`),
    ])
    .join('\n')
}
