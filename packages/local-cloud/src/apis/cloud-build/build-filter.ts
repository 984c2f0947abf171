import { notEmulated } from '../../kernel/errors.ts'
import type { Build } from './resources.ts'

/** One comparison: `tags="nightly"`, `status = WORKING`. */
const COMPARISON = /^\s*(\w+)\s*=\s*(?:"([^"\\]*)"|([\w.-]+))\s*(?:(AND)\s+|$)/

/** The fields of a filter, with a build's values. */
const FIELDS: Readonly<Record<string, (build: Build) => readonly string[]>> = {
  status: (build) => [build.status],
  tags: (build) => build.tags,
}

/**
 * The filter of a listing of builds (https://cloud.google.com/build/docs/view-build-results): comparisons of `tags` and
 * `status` by `=`, joined by AND. Google's has more; parts that are not emulated are refused, because
 * ignoring a filter would return too much.
 */
export function buildFilter(text: string): (build: Build) => boolean {
  const wanted: { valuesOf: (build: Build) => readonly string[]; value: string }[] = []
  let rest = text
  let isMore = text.trim() !== ''
  while (isMore) {
    const [whole, field = '', quoted, bare, joined] = COMPARISON.exec(rest) ?? []
    const valuesOf = FIELDS[field]
    if (whole === undefined || !valuesOf) throw notEmulated(`the filter "${text}" of a listing of builds`)
    wanted.push({ valuesOf, value: quoted ?? bare ?? '' })
    rest = rest.slice(whole.length)
    isMore = joined !== undefined
  }
  return (build) => wanted.every(({ valuesOf, value }) => valuesOf(build).includes(value))
}
