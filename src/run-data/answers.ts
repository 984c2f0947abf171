import type { Answers } from '../contracts/run-report.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { localCloud } from '../google/transport/environment.ts'
import { geminiBackendOf } from './gemini-backend.ts'

/** Returns who answers a run's calls to Gemini; undefined if it makes none, or nothing says who answered them. */
export async function runAnswers(spec: RunSpec): Promise<Answers | undefined> {
  if (spec.gemini === null) return undefined
  if (spec.gemini.endpoint !== null) return { by: spec.gemini.endpoint, billed: null, available: true }
  const cloud = localCloud()
  if (!cloud) return { by: 'Vertex AI', billed: true, available: true }
  const by = (await geminiBackendOf(spec)) ?? cloud.gemini
  return by === undefined ? undefined : { by, billed: by === 'forward', available: by === cloud.gemini }
}
