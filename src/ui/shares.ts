import type { Proportion } from '@imagery/viewer/contract/wilson'
import { plainLine } from './plain-text.ts'
import { cellText } from './table.ts'
import { linesOf, wrapped } from './wrap.ts'
import { countText } from '../contracts/count-text.ts'

/** A share as a percentage with one decimal: `85.0 %`; a dash for none. */
export function percentText(share: number | null): string {
  return share === null ? '–' : `${(100 * share).toFixed(1)} %`
}

/** The interval of a share: `64.0–94.8 %`. */
export function intervalText(share: Proportion | null): string {
  return share === null ? '' : `${(100 * share.low).toFixed(1)}–${(100 * share.high).toFixed(1)} %`
}

/** A share with its interval, in little room: `85.0 % (64–95 %)`. */
export function shareText(share: Proportion | null): string {
  if (share === null) return '–'
  return `${percentText(share.estimate)} (${(100 * share.low).toFixed(0)}–${(100 * share.high).toFixed(0)} %)`
}

/** A figure between 0 and 1, or -1 and 1, with two decimals; a dash for none. */
export function figureText(figure: number | null): string {
  return figure === null ? '–' : figure.toFixed(2)
}

/** How many examples of a pair are shown. */
const SHOWN_EXAMPLES = 2

/** One kind of pair of values: how many assets have it, the two values, and some of the assets, whose IDs people copy. */
export function pairLines(
  { units, examples }: { units: number; examples: readonly { unit_id: string }[] },
  values: string,
  width: number,
): string[] {
  const count = countText(units)
  const indent = ' '.repeat(count.length + 4)
  const ids = examples.slice(0, SHOWN_EXAMPLES).map(({ unit_id: id }) => cellText(id))
  const more = units > ids.length ? [`and ${countText(units - ids.length)} more`] : []
  const [first = '', ...rest] = wrapped(plainLine(values), Math.max(20, width - indent.length))
  return [
    `  ${count}  ${first}`,
    ...[...rest, ...linesOf([...ids, ...more], Math.max(20, width - indent.length), ', ')].map(
      (line) => `${indent}${line}`,
    ),
  ]
}
