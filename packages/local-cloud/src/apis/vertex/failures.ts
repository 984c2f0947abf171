import { GoogleError } from '../../kernel/errors.ts'

const LEARN_MORE = 'https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/gemini'
const LEARN_MORE_OF_SCHEMAS =
  'https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/control-generated-output'

/** The request is well-formed, but the model does not accept a value in it. */
export function refused(why: string): GoogleError {
  return new GoogleError('INVALID_ARGUMENT', `Unable to submit request because ${why} Learn more: ${LEARN_MORE}`, {
    details: [],
  })
}

/** The same for an answer schema. */
export function refusedSchema(why: string): GoogleError {
  return new GoogleError(
    'INVALID_ARGUMENT',
    `Unable to submit request because ${why} Learn more: ${LEARN_MORE_OF_SCHEMAS}`,
    { details: [] },
  )
}

/** An error of Vertex AI with a message of its own. */
export function vertexError(status: GoogleError['status'], message: string): GoogleError {
  return new GoogleError(status, message, { details: [] })
}

/** A field, part or value that Vertex AI accepts and the local cloud does not emulate. */
export function notEmulatedByVertex(what: string): GoogleError {
  return vertexError(
    'UNIMPLEMENTED',
    `${what} is not emulated by the local cloud; see packages/local-cloud/docs/emulator-support.md`,
  )
}

/**
 * No capacity left (https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429): with a
 * Retry-After header and google.rpc.RetryInfo, so that a client can read either.
 */
export function resourceExhausted(retryAfterS: number): GoogleError {
  return new GoogleError(
    'RESOURCE_EXHAUSTED',
    'Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.',
    {
      retryAfterS,
      details: [{ '@type': 'type.googleapis.com/google.rpc.RetryInfo', retryDelay: `${retryAfterS}s` }],
    },
  )
}
