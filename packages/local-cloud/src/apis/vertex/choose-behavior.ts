import { readFileSync } from 'node:fs'
import * as z from 'zod'
import { GEMINI_CHOICES, parseGeminiChoice } from '../../contract/gemini-choice.ts'
import type { Clock } from '../../kernel/clock.ts'
import { LocalCloudError } from '../../kernel/local-cloud-error.ts'
import type { GeminiBehavior } from './behavior.ts'
import { forwardedModel, userCredentials, type ForwardOptions } from './forwarded-model.ts'
import { missingModel } from './missing-model.ts'
import { plainIssues } from './plain-issues.ts'
import { parseRecording, recordedModel } from './recorded-model.ts'
import { parseScript } from './script.ts'
import { ScriptedModel } from './scripted-model.ts'

export interface BehaviorOptions extends Pick<ForwardOptions, 'readLocalObject'> {
  /** `replay:FILE`, `script:FILE`, `forward`; undefined refuses every call. */
  choice: string | undefined
  clock: Clock
}

/** Creates the chosen replacement for the model. Rejects with LocalCloudError INVALID_GEMINI. */
export async function chooseBehavior({ choice, clock, readLocalObject }: BehaviorOptions): Promise<GeminiBehavior> {
  if (choice === undefined) return missingModel
  const parsed = parseGeminiChoice(choice)
  if (!parsed) throw new LocalCloudError('INVALID_GEMINI', `--gemini takes ${GEMINI_CHOICES}, not ${choice}`, [])
  if (parsed.kind === 'forward') {
    const credentials = await userCredentials().catch((error: unknown) => {
      throw new LocalCloudError(
        'INVALID_GEMINI',
        `Calls cannot be forwarded to Vertex AI: ${(error as Error).message}`,
        ['gcloud auth application-default login', 'choose a stand-in: --gemini replay:FILE or --gemini script:FILE'],
        error,
      )
    })
    return forwardedModel({ credentials, readLocalObject })
  }
  const what = parsed.kind === 'replay' ? 'recording' : 'script'
  try {
    const text = readFileSync(parsed.file, 'utf8')
    return parsed.kind === 'replay'
      ? recordedModel(parseRecording(text), clock)
      : new ScriptedModel(parseScript(text), clock)
  } catch (error) {
    throw new LocalCloudError(
      'INVALID_GEMINI',
      `The ${what} ${parsed.file} cannot be used: ${explain(error)}`,
      [],
      error,
    )
  }
}

function explain(error: unknown): string {
  if (error instanceof z.ZodError) return plainIssues(error)
  return error instanceof Error ? error.message : String(error)
}
