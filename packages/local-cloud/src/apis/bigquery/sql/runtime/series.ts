/**
 * The most elements of GENERATE_ARRAY. BigQuery has a bound ("produced too many elements") and does not
 * document it; this one is 8 MB of elements, of the 100 MB that a row may have.
 */
const MAX_ELEMENTS = 1_048_575

/** How many elements GENERATE_ARRAY makes; 0 when it goes the other way. */
export function seriesLength(from: bigint, to: bigint, step: bigint): number {
  if (step === 0n || (step > 0n ? from > to : from < to)) return 0
  const length = Number((to - from) / step + 1n)
  if (length > MAX_ELEMENTS) throw new Error(`bq:GENERATE_ARRAY(${from}, ${to}, ${step}) produced too many elements`)
  return length
}

/** The end of a series that can be made. */
export function seriesEnd(_from: bigint, to: bigint, step: bigint): bigint {
  if (step === 0n) throw new Error('bq:Sequence step cannot be 0.')
  return to
}
