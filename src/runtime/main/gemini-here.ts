import type { AnsweredRun } from '../../run-data/gemini-backend.ts'
import { usesLocalGemini } from '../../run-data/gemini-backend.ts'

/**
 * Returns a function that says why a run's calls must not be sent: the local cloud was started with something else to
 * answer Gemini calls than the run has. Undefined if they may be sent, as always on Google Cloud.
 *
 * A local cloud keeps its Gemini backend while this process lives, and a run's backend can only become the one that is
 * here, so a run that may send its calls is not looked up again.
 *
 * @param options.here what answers in this local cloud, in the format of `--gemini`; undefined if nothing does
 * @param options.backendOf what answers a run
 */
export function geminiHere(options: {
  here: string | undefined
  backendOf: (spec: AnsweredRun) => Promise<string | undefined>
}): (spec: AnsweredRun) => Promise<string | undefined> {
  const { here, backendOf } = options
  const answered = new Set<string>()
  return async (spec) => {
    if (!usesLocalGemini(spec) || answered.has(spec.run_id)) return undefined
    const backend = await backendOf(spec)
    // A run of an earlier version has no record of it.
    if (here !== undefined && (backend ?? here) === here) {
      answered.add(spec.run_id)
      return undefined
    }
    const has = here === undefined ? 'no Gemini' : here
    return `run ${spec.run_id} is answered by ${backend ?? 'a Gemini'}, and this local cloud has ${has}`
  }
}
