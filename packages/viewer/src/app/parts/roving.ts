import type { KeyboardEvent } from 'react'

const STEPS: Record<string, number> = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }

/**
 * Lets arrow keys, Home and End move among the buttons of a group, so that Tab passes a chart in one step. Give it to the
 * group as `onKeyDown`, and to its buttons `tabIndex` 0 for the first and -1 for the rest.
 */
export function moveAmongButtons(event: KeyboardEvent<HTMLElement>): void {
  const step = STEPS[event.key]
  if (step === undefined && event.key !== 'Home' && event.key !== 'End') return
  const buttons = [...event.currentTarget.querySelectorAll<HTMLButtonElement>('button:not([disabled])')].filter(
    (button) => button.offsetParent !== null,
  )
  const place = buttons.indexOf(document.activeElement as HTMLButtonElement)
  if (place < 0) return
  event.preventDefault()
  const ends = event.key === 'Home' ? 0 : buttons.length - 1
  const next = step === undefined ? buttons[ends] : buttons[Math.min(buttons.length - 1, Math.max(0, place + step))]
  for (const button of buttons) button.tabIndex = button === next ? 0 : -1
  next?.focus()
}
