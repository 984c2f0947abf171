import { existsSync } from 'node:fs'
import { ImageryError } from '../../contracts/errors.ts'
import type { GeminiOptions } from '../../contracts/run-spec.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import { credentialsPath } from '../../google/auth/credentials-file.ts'
import { findLastingCloud } from '../local/find.ts'
import { readGeminiFlag } from '../local/gemini-stand-in.ts'

/**
 * Who will answer a Gemini run in the local cloud: the stand-in that the flag names or a running
 * cloud has, else the real Vertex AI when this user has credentials. Asked before anything is made.
 *
 * @param gemini the model that will be asked; null when none is; `unknown` when only the run's record can tell
 * @param options.flag the value of `--gemini`
 * @param options.flags what a suggested command must carry to work on the same cloud
 * @returns what the local cloud is to be started with
 * @throws ImageryError NOT_AVAILABLE when nobody would answer
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
  throw nobodyAnswers(gemini.model, { isRunning: running !== undefined, mayForward, flags: options.flags })
}

/**
 * The same for a run that is taken further in a cloud that is there by now.
 *
 * @param answering the stand-in that the cloud was started with
 * @throws ImageryError NOT_AVAILABLE when nobody would answer
 */
export function requireGeminiBackend(
  gemini: GeminiOptions | null,
  answering: string | undefined,
  target: { kind: string; flags: string },
): void {
  if (gemini === null || gemini.endpoint !== null || target.kind !== 'local' || answering !== undefined) return
  const mayForward = hasCredentials(process.env)
  throw nobodyAnswers(gemini.model, { isRunning: true, mayForward, flags: target.flags })
}

function hasCredentials(environment: NodeJS.ProcessEnv): boolean {
  const file = credentialsPath(environment)
  return file !== undefined && existsSync(file)
}

function nobodyAnswers(
  model: string,
  { isRunning, mayForward, flags }: { isRunning: boolean; mayForward: boolean; flags: string },
): ImageryError {
  const stop = isRunning ? [`${suggestedCommand('local stop', flags)}   (then one of these)`] : []
  const real = mayForward
    ? 'The same command with --gemini forward   (the real Vertex AI; Google bills you)'
    : 'gcloud auth application-default login   (then the real Vertex AI answers; Google bills you)'
  return new ImageryError(
    'NOT_AVAILABLE',
    isRunning
      ? `The local cloud that is running was started without --gemini: nobody would answer as ${model}`
      : `Nobody would answer as ${model}: this machine has no Google credentials, and no stand-in is named`,
    {
      suggestions: [
        ...stop,
        'The same command with --gemini replay:FILE   (recorded answers, JSONL)',
        'The same command with --gemini script:FILE   (a scripted model, YAML)',
        real,
        'The same command with --profile image-quality   (measured: no model is asked)',
      ],
    },
  )
}
