import * as z from 'zod'
import type { Clock } from '../../kernel/clock.ts'
import { candidateAnswer } from './answer.ts'
import type { GeminiBehavior } from './behavior.ts'
import { vertexError } from './failures.ts'
import { plainIssues } from './plain-issues.ts'

/** One line of a recording. More members may be there; they are not read. */
const recordedAnswer = z.object({
  gcs_uri: z.string().min(1),
  model: z.string().min(1),
  finishReason: z.string().min(1),
  // Optional in the client's GenerateContentResponse.
  usageMetadata: z.record(z.string(), z.unknown()).default({}),
  text: z.string(),
  avgLogprobs: z.number().optional(),
})

export type RecordedAnswer = z.output<typeof recordedAnswer>

/** Reads a recording: JSONL, one answer a line, keyed by the image's URI. Throws Error with the line's number. */
export function parseRecording(text: string): RecordedAnswer[] {
  return text.split('\n').flatMap((line, index) => {
    if (line.trim() === '') return []
    try {
      return [recordedAnswer.parse(JSON.parse(line))]
    } catch (error) {
      const why = error instanceof z.ZodError ? plainIssues(error) : String(error)
      throw new Error(`line ${index + 1}: ${why}`, { cause: error })
    }
  })
}

/**
 * The answers for an image: by its whole address, or by the end of it. A local table's image is copied to an address that
 * is different in each run, and ends in the path that the table has.
 */
function recordedFor(uri: string, byUri: ReadonlyMap<string, RecordedAnswer[]>): readonly RecordedAnswer[] {
  for (let end = uri; ; end = end.slice(end.indexOf('/') + 1)) {
    const found = byUri.get(end)
    if (found) return found
    if (!end.includes('/')) return []
  }
}

/**
 * Answers every call with the recorded answer for the request's one image: from the request's model
 * if it was recorded, else from the first recorded model. The answer's `modelVersion` is the model
 * that gave the answer, and its usage is the recorded usage.
 *
 * Each recorded answer is about one image, so a request with several images cannot be replayed: a
 * combination would be an answer that no model ever gave.
 */
export function recordedModel(recording: readonly RecordedAnswer[], clock: Clock): GeminiBehavior {
  const byUri = new Map<string, RecordedAnswer[]>()
  for (const answer of recording) byUri.set(answer.gcs_uri, [...(byUri.get(answer.gcs_uri) ?? []), answer])
  return {
    async generate(call) {
      const { images, model } = call.request
      const [image] = images
      if (!image || images.length > 1) {
        throw vertexError(
          'INVALID_ARGUMENT',
          `A recording answers requests with one image, and this one has ${images.length}: run with one image per request (--unit observation), or with --gemini script:FILE`,
        )
      }
      if (image.bytes) {
        throw vertexError(
          'INVALID_ARGUMENT',
          'A recording is keyed by the URI of the image, and this image came without one: send it as gs:// (--image-transport gs)',
        )
      }
      const answers = recordedFor(image.uri, byUri)
      const recorded = answers.find((answer) => answer.model === model.id) ?? answers[0]
      if (!recorded) throw vertexError('NOT_FOUND', `The recording has no answer for ${image.uri}`)
      const { text, finishReason, usageMetadata, avgLogprobs } = recorded
      const content = {
        text,
        finishReason,
        usage: { trafficType: call.request.trafficType, ...usageMetadata },
        modelVersion: recorded.model,
        ...(avgLogprobs === undefined ? {} : { avgLogprobs }),
      }
      return candidateAnswer(call, clock.now(), content, 'recorded')
    },
    stop: () => undefined,
  }
}
