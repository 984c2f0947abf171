/** With `npm run test:campaigns` (IMAGERY_CAMPAIGNS=full), campaigns have their full length; in the suite, a short one. */
export const IS_FULL = process.env['IMAGERY_CAMPAIGNS'] === 'full'

/** A number that depends on the length of campaigns. */
export function inCampaign(counts: { short: number; full: number }): number {
  return IS_FULL ? counts.full : counts.short
}

/** A full campaign tries all of these; a short one tries the first and every nth after it. */
export function someOf<Item>(items: readonly Item[], nth: number): Item[] {
  return items.filter((_, index) => IS_FULL || index % nth === 0)
}
