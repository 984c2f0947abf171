import type { Proportion } from '@imagery/viewer/contract/wilson'

/** A share as a percentage with one decimal: `85.0 %`; a dash for none. */
export function percentText(share: number | null): string {
  return share === null ? '–' : `${(100 * share).toFixed(1)} %`
}

/** The interval of a share: `64.0–94.8 %`. */
export function intervalText(share: Proportion | null): string {
  return share === null ? '' : `${(100 * share.low).toFixed(1)}–${(100 * share.high).toFixed(1)} %`
}

/** A share with its interval: `85.0 % (64.0–94.8 %)`. */
export function shareText(share: Proportion | null): string {
  return share === null ? '–' : `${percentText(share.estimate)} (${intervalText(share)})`
}

/** A figure between 0 and 1, or -1 and 1, with two decimals; a dash for none. */
export function figureText(figure: number | null): string {
  return figure === null ? '–' : figure.toFixed(2)
}

export const countText = (count: number): string => count.toLocaleString('en')
