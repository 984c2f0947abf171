import { MOST_BINS } from './limits.ts'

/** `from` ≤ value < `to`; in the last bin of a histogram also `to` itself. */
export interface Bin {
  from: number
  to: number
}

/** The finite values of a column over all rows of a run. */
export interface ValueRange {
  min: number
  max: number
}

/**
 * Returns the bins of a histogram: of equal width, with round edges. Whole numbers with a small range have a bin each.
 *
 * @param kind `time` counts in milliseconds since 1970
 */
export function histogramBins(range: ValueRange, kind: 'whole' | 'number' | 'time'): Bin[] {
  const all = [{ from: range.min, to: range.max }]
  // A width that a double cannot count in, because the range is too narrow or too wide for it, has no round edges.
  const steps = kind === 'time' ? timeSteps(range) : numberSteps(range, kind === 'whole')
  for (const step of steps) {
    const bins = binsOf(range, step, kind === 'whole')
    if (bins === undefined) return all
    if (bins.length <= MOST_BINS) return bins
  }
  return all
}

/** A width as `times` / `parts`, so that the edges of tenths are the doubles that people write: 0.3, not 0.30000000000000004. */
interface Width {
  times: number
  parts: number
}

function binsOf({ min, max }: ValueRange, { times, parts }: Width, isWhole: boolean): Bin[] | undefined {
  const edge = (index: number): number => (index * times) / parts
  let first = Math.floor((min / times) * parts)
  if (!Number.isSafeInteger(first)) return undefined
  while (edge(first) > min) first -= 1
  while (edge(first + 1) <= min) first += 1
  let last = first
  const bins: Bin[] = []
  for (; ; last += 1) {
    const [from, to] = [edge(last), edge(last + 1)]
    if (!Number.isFinite(from) || !Number.isFinite(to) || to <= from) return undefined
    bins.push({ from, to })
    // The last bin includes its end, except that a whole number has its own bin.
    if (isWhole ? max < to : max <= to) return bins
    if (bins.length > MOST_BINS) return bins
  }
}

/** 1, 2 and 5 times the powers of ten, from one that gives too many bins. */
function* numberSteps({ min, max }: ValueRange, isWhole: boolean): Generator<Width> {
  const span = max - min
  if (!Number.isFinite(span) || (span === 0 && !isWhole)) return
  const least = isWhole ? 0 : Number.NEGATIVE_INFINITY
  const start = span === 0 ? 0 : Math.floor(Math.log10(span / MOST_BINS))
  for (let power = Math.max(least, start); power <= start + 3 || power <= 0; power += 1) {
    for (const digit of [1, 2, 5])
      yield power < 0 ? { times: digit, parts: 10 ** -power } : { times: digit * 10 ** power, parts: 1 }
  }
}

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const TIME_STEPS = [
  1,
  10,
  100,
  ...[1, 2, 5, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28, 91, 182].map((days) => days * DAY),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000].map((years) => Math.round(years * 365.25) * DAY),
]

function* timeSteps({ min, max }: ValueRange): Generator<Width> {
  if (min === max) return
  for (const times of TIME_STEPS) if ((max - min) / times <= MOST_BINS) yield { times, parts: 1 }
}
