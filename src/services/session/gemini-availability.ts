import { existsSync } from 'node:fs'
import { ImageryError } from '../../contracts/errors.ts'
import type { GeminiOptions } from '../../contracts/run-spec.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import { credentialsPath } from '../../google/auth/credentials-file.ts'
import { findLastingCloud } from '../local/find.ts'
import { readGeminiFlag } from '../local/gemini-stand-in.ts'

/**
 * Decides what answers a Gemini run in the local cloud: the stand-in that the flag names or that a
 * running cloud has, else the real Vertex AI if this user has credentials. Called before anything is
 * created.
 *
 * @param gemini the model that will be called; null if none; `unknown` if only the run's record says
 * @param options.flag the value of `--gemini`
 * @param options.flags the flags that a suggested command needs to work on the same cloud
 * @returns the value of `--gemini` to start the local cloud with
 * @throws ImageryError NOT_AVAILABLE if nothing would answer
 */
export async function resolveGeminiBackend(
  gemini: GeminiOptions | null | 'unknown',
  options: { dataDirectory: string; flag: string | undefined; flags: string; environment?: NodeJS.ProcessEnv },
): Promise<string | undefined> {
  const asked = readGeminiFlag(options.flag)
  if (gemini === null || asked !== undefined || (gemini !== 'unknown' && gemini.endpoint !== null)) return asked
  const running = await findLastingCloud(options.dataDirectory)
  if (running?.gemini !== undefined) return undefined
  const mayForward = hasCredentials(options.environment ?? process.env)
  if (!running && mayForward) return 'forward'
  if (gemini === 'unknown') return undefined
  throw noBackend(gemini.model, { isRunning: running !== undefined, mayForward, flags: options.flags })
}

/**
 * The same for a run that continues in a running cloud.
 *
 * @param answering the stand-in that the cloud was started with
 * @throws ImageryError NOT_AVAILABLE if nothing would answer
 */
export function requireGeminiBackend(
  gemini: GeminiOptions | null,
  answering: string | undefined,
  target: { kind: string; flags: string },
): void {
  if (gemini === null || gemini.endpoint !== null || target.kind !== 'local' || answering !== undefined) return
  const mayForward = hasCredentials(process.env)
  throw noBackend(gemini.model, { isRunning: true, mayForward, flags: target.flags })
}

function hasCredentials(environment: NodeJS.ProcessEnv): boolean {
  const file = credentialsPath(environment)
  return file !== undefined && existsSync(file)
}

function noBackend(
  model: string,
  { isRunning, mayForward, flags }: { isRunning: boolean; mayForward: boolean; flags: string },
): ImageryError {
  const stop = isRunning ? [`${suggestedCommand('local stop', flags)}   (then use one of these)`] : []
  const real = mayForward
    ? 'Run the same command with --gemini forward   (the real Vertex AI; Google bills you)'
    : 'gcloud auth application-default login   (then the real Vertex AI answers; Google bills you)'
  return new ImageryError(
    'NOT_AVAILABLE',
    isRunning
      ? `The running local cloud was started without --gemini, so nothing answers calls to ${model}`
      : `Nothing answers calls to ${model}: this machine has no Google credentials, and --gemini is not set`,
    {
      suggestions: [
        ...stop,
        'Run the same command with --gemini replay:FILE   (recorded answers, JSONL)',
        'Run the same command with --gemini script:FILE   (a scripted model, YAML)',
        real,
        'Run the same command with --profile image-quality   (measures the images; no model is called)',
      ],
    },
  )
}
