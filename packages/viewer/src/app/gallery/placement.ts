/**
 * Returns the place that a key leads to in rows of cards, or undefined if it is no key of movement.
 *
 * @param lanes cards of a row
 * @param page rows of a screen
 * @param total all cards
 */
export function placeAfter(key: string, place: number, lanes: number, page: number, total: number): number | undefined {
  const steps: Record<string, number> = {
    ArrowRight: 1,
    ArrowLeft: -1,
    ArrowDown: lanes,
    ArrowUp: -lanes,
    PageDown: lanes * page,
    PageUp: -lanes * page,
    Home: -total,
    End: total,
  }
  const step = steps[key]
  if (step === undefined || total === 0) return undefined
  return Math.max(0, Math.min(total - 1, place + step))
}
