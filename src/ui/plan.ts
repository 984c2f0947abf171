import { styleText } from 'node:util'
import { plainLine } from './plain-text.ts'

/** A resource in a plan, and the action on it. */
interface Planned {
  action: string
  resource: string
  /** The fields that an update changes. */
  fields?: readonly string[]
}

/** Formats a plan by its steps: one line per resource, with the action. */
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
  return action === 'keep' ? 'unchanged' : action
}

function colored(action: string, text: string): string {
  if (action === 'keep') return styleText('gray', text)
  return styleText(action === 'delete' || action === 'revoke' ? 'red' : 'green', text)
}
