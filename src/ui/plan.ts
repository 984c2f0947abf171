import { styleText } from 'node:util'
import { plainLine } from './plain-text.ts'

/** A thing that a command would see to, and what it would do about it. */
interface Planned {
  action: string
  resource: string
  /** What an update is about. */
  fields?: readonly string[]
}

/** A plan by its steps: every thing on a line of its own, with what would be done. */
export function formatPlan(steps: readonly { title: string; changes: readonly Planned[] }[]): string {
  const width = Math.max(...steps.flatMap(({ changes }) => changes.map(({ action }) => words(action).length)))
  return steps
    .map(({ title, changes }) =>
      [
        styleText('bold', plainLine(title)),
        ...changes.map(
          ({ action, resource, fields = [] }) =>
            `  ${colored(action, words(action).padEnd(width))}  ${plainLine([resource, fields.join(', ')].filter(Boolean).join(': '))}`,
        ),
      ].join('\n'),
    )
    .join('\n')
}

function words(action: string): string {
  return action === 'keep' ? 'is there' : action
}

function colored(action: string, text: string): string {
  if (action === 'keep') return styleText('gray', text)
  return styleText(action === 'delete' || action === 'revoke' ? 'red' : 'green', text)
}
