/** A chart has at most this many bars. */
export const MOST_BARS = 20

/** A histogram has at most this many bins. */
export const MOST_BINS = 20

/** A map gets at most this many points. */
export const MOST_POINTS = 50_000

/** A page has at most this many rows. */
export const MOST_PAGE_ROWS = 500
