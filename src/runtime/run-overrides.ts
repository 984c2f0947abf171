import type { Overrides } from '../contracts/messages.ts'
import type { RunSpec } from '../contracts/run-spec.ts'

const overridden = new WeakMap<RunSpec, Map<string, RunSpec>>()

/**
 * Returns the run's spec with a retry's overrides. The same overrides of a spec give the same object, so that models
 * are created once.
 */
export function specWith(spec: RunSpec, overrides: Overrides | undefined): RunSpec {
  if (!overrides || !spec.gemini) return spec
  const key = JSON.stringify(overrides)
  const known = overridden.get(spec) ?? new Map<string, RunSpec>()
  overridden.set(spec, known)
  let changed = known.get(key)
  if (!changed) {
    const { model, media_resolution, price } = overrides
    const gemini = {
      ...spec.gemini,
      ...(model === undefined ? {} : { model }),
      ...(media_resolution === undefined ? {} : { media_resolution }),
      ...(price === undefined ? {} : { price }),
    }
    changed = { ...spec, gemini }
    known.set(key, changed)
  }
  return changed
}
