import { styleText } from 'node:util'
import { plainLine, plainText } from './plain-text.ts'

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

/** Breaks text into lines of at most `width`, at spaces. A longer word has its own line. */
function wrapped(text: string, width: number): string[] {
  return text.split('\n').flatMap((line) => {
    const lines: string[] = []
    let current = ''
    for (const word of line.split(' ')) {
      if (current !== '' && current.length + 1 + word.length > width) {
        lines.push(current)
        current = word
      } else current = current === '' ? word : `${current} ${word}`
    }
    return [...lines, current]
  })
}
