import { bucketName, geminiBackendPath } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { ifFound } from '../google/transport/errors.ts'
import { readObject, writeObject } from '../google/storage/storage.ts'

/** The parts of a run's spec that say who answers its calls. */
export type AnsweredRun = Pick<RunSpec, 'run_id' | 'place' | 'gemini' | 'gemini_backend'>

/**
 * Returns what answers a run's calls to Gemini in a local cloud, in the format of `--gemini`: what the user chose last,
 * else what answered when the run started. Undefined if the run calls no Gemini of the local cloud, or is from a version
 * of imagery that did not record it.
 */
export async function geminiBackendOf(
  spec: AnsweredRun,
  read: (uri: string) => Promise<Buffer> = readObject,
): Promise<string | undefined> {
  if (!usesLocalGemini(spec)) return undefined
  return (await ifFound(read(choiceUri(spec))))?.toString('utf8') ?? spec.gemini_backend
}

/** Whether something in the local cloud answers the run's calls, if it runs in one. */
export function usesLocalGemini({ gemini }: Pick<RunSpec, 'gemini'>): boolean {
  return gemini !== null && gemini.endpoint === null
}

/** Records that the user chose something else to answer the rest of a run. The run's spec never changes. */
export async function changeGeminiBackend(spec: AnsweredRun, backend: string): Promise<void> {
  await writeObject(choiceUri(spec), backend, { contentType: 'text/plain' })
}

function choiceUri({ place, run_id: runId }: AnsweredRun): string {
  return `gs://${bucketName(place)}/${geminiBackendPath(runId)}`
}
