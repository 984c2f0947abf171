import { existsSync } from 'node:fs'
import { parseGeminiChoice } from '@imagery/local-cloud/contract/gemini-choice'
import { readLastGemini } from '@imagery/local-cloud/contract/last-gemini'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import type { GeminiOptions } from '../../contracts/run-spec.ts'
import { suggestedCommand } from '../../contracts/suggested-command.ts'
import { credentialsPath } from '../../google/auth/credentials-file.ts'
import {
  changeGeminiBackend,
  geminiBackendOf,
  usesLocalGemini,
  type AnsweredRun,
} from '../../run-data/gemini-backend.ts'
import { findLastingCloud } from '../local/find.ts'
import { readGeminiFlag } from '../local/gemini-stand-in.ts'
import type { Target } from './target.ts'

/** What a command starts the local cloud with, if none is running. */
export interface GeminiToStart {
  /** What must answer; a running cloud with another one is refused. */
  gemini?: string | undefined
  /** What last answered in the data folder, for the runs there that are not complete. */
  again?: string | undefined
}

/**
 * Decides what answers a Gemini run in the local cloud: the stand-in that the flag names or that a
 * running cloud has, else the real Vertex AI if this user has credentials. A command that starts no run keeps what
 * answered last, because a run can be in progress; it never starts to spend money unless it continues a run. Called
 * before anything is created.
 *
 * @param gemini the model that will be called; null if none; `unknown` if only the run's record says
 * @param options.flag the value of `--gemini`
 * @param options.flags the flags that a suggested command needs to work on the same cloud
 * @throws ImageryError NOT_AVAILABLE if nothing would answer
 */
export async function resolveGeminiBackend(
  gemini: GeminiOptions | null | 'unknown',
  options: { dataDirectory: string; flag: string | undefined; flags: string; environment?: NodeJS.ProcessEnv },
): Promise<GeminiToStart> {
  const asked = readGeminiFlag(options.flag)
  if (asked !== undefined) return { gemini: asked }
  const mayForward = hasCredentials(options.environment ?? process.env)
  if (gemini === null || gemini === 'unknown' || gemini.endpoint !== null) {
    const last = readLastGemini(options.dataDirectory)
    return last === 'forward' && !(gemini === 'unknown' && mayForward) ? {} : { again: last }
  }
  const running = await findLastingCloud(options.dataDirectory)
  if (running?.gemini !== undefined) return {}
  if (!running && mayForward) return { gemini: 'forward' }
  throw noBackend(gemini.model, { isRunning: running !== undefined, mayForward, flags: options.flags })
}

/** Where a recorded run is about to continue. */
export interface Continuation {
  /** What answers in the local cloud, in the format of `--gemini`. */
  gemini: string | undefined
  target: Pick<Target, 'kind' | 'flags'>
  /** Whether the local cloud keeps running after this command. */
  isLasting: boolean
  /** The command line without its flags: `resume 261123-9f3c1a7b`. */
  command: string
  /** Whether the user typed `--gemini`, and so wants that one to answer the rest of the run. */
  isChosen: boolean
}

/**
 * Checks that a recorded run continues with what answers it, and records it if the user chose another one.
 *
 * @throws ImageryError NOT_AVAILABLE if the local cloud has something else, or nothing
 */
export async function requireGeminiBackend(spec: AnsweredRun, continuation: Continuation): Promise<void> {
  const { gemini: here, target, isLasting, command, isChosen } = continuation
  if (spec.gemini === null || !usesLocalGemini(spec) || target.kind !== 'local') return
  const backend = await geminiBackendOf(spec)
  if (backend === undefined && here === undefined) {
    const mayForward = hasCredentials(process.env)
    throw noBackend(spec.gemini.model, { isRunning: isLasting, mayForward, flags: target.flags })
  }
  // A run of an earlier version has no record of it.
  if (backend === undefined || backend === here) return
  if (isChosen && here !== undefined) return changeGeminiBackend(spec, here)
  const withChoice = (choice: string): string =>
    suggestedCommand(`${command} --gemini ${choice === 'forward' ? choice : shellWord(choice)}`, target.flags)
  const missing = missingFile(backend)
  throw new ImageryError(
    'NOT_AVAILABLE',
    `Run ${spec.run_id} is answered by ${backend}, but the local cloud has ${here ?? 'no Gemini'}${missing ? `, because ${missing}` : ''}. Its tasks wait, and none of them failed`,
    {
      suggestions: [
        ...(isLasting ? [`${suggestedCommand('local stop', target.flags)}   (then use one of these)`] : []),
        missing === undefined
          ? withChoice(backend)
          : `${suggestedCommand(command, target.flags)} --gemini ${backend.slice(0, backend.indexOf(':'))}:FILE   (where the file is now)`,
        ...(here === undefined ? [] : [`${withChoice(here)}   (answers the rest with it instead)`]),
      ],
    },
  )
}

/** Says that a stand-in's file is gone. */
function missingFile(backend: string): string | undefined {
  const choice = parseGeminiChoice(backend)
  return choice && choice.kind !== 'forward' && !existsSync(choice.file) ? `${choice.file} does not exist` : undefined
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

// What the commands' suggestions name.
export { geminiBackendOf } from '../../run-data/gemini-backend.ts'
