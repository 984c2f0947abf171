import { parseGsUri } from '../../contracts/gs-uri.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { MAX_OBJECT_BYTES } from '../../google/storage/storage.ts'
import { within, type Clock } from '../clock.ts'
import type { ImageRange, ReadRange } from './image-bytes.ts'
import { AttemptFailure, UnreadableImage } from './model.ts'

/** Time limit for one download; the attempt's own deadline limits all of them. */
const READ_TIMEOUT_MS = 60_000

/**
 * Fetches an image for a model and converts errors to a model's failures: a missing object is an
 * unreadable image, a denied object fails its asset, throttling slows the queue.
 */
export function imageReader(options: {
  readObject: (gsUri: string, maxBytes: number) => Promise<Buffer>
  clock: Clock
}): (uri: string, signal: AbortSignal, maxBytes?: number) => Promise<Buffer> {
  return (uri, _signal, maxBytes = MAX_OBJECT_BYTES) =>
    fetched(uri, options.clock, maxBytes, () => options.readObject(uri, maxBytes))
}

/** Fetches a part of an image, with the same failures. */
export function imageRangeReader(options: {
  readRange: (gsUri: string, first: number, length: number) => Promise<ImageRange>
  clock: Clock
}): ReadRange {
  return (uri, first, length) =>
    fetched(uri, options.clock, MAX_OBJECT_BYTES, () => options.readRange(uri, first, length))
}

async function fetched<Result>(
  uri: string,
  clock: Clock,
  maxBytes: number,
  fetch: () => Promise<Result>,
): Promise<Result> {
  const name = parseGsUri(uri)
  if ('fault' in name) throw new UnreadableImage(uri, name.fault)
  const late = (): CloudError =>
    new CloudError('DEADLINE_EXCEEDED', `${uri} was not read within ${READ_TIMEOUT_MS / 1_000} s`)
  return within(clock, READ_TIMEOUT_MS, fetch(), late).catch((error: unknown) => {
    throw error instanceof CloudError ? imageFailure(uri, error, maxBytes) : error
  })
}

function imageFailure(uri: string, error: CloudError, maxBytes: number): Error {
  switch (error.status) {
    case 'NOT_FOUND':
      return new UnreadableImage(uri, 'does not exist', { cause: error })
    case 'OUT_OF_RANGE':
      return new UnreadableImage(uri, `is larger than ${maxBytes / 2 ** 20} MiB`, { cause: error })
    case 'INVALID_ARGUMENT':
      return new UnreadableImage(uri, `cannot be read: ${error.message}`, { cause: error })
    case 'PERMISSION_DENIED':
    case 'UNAUTHENTICATED':
      return new AttemptFailure('unreadable_image', `the runtime may not read ${uri}: ${error.message}`, {
        retryable: false,
        cause: error,
      })
    case 'RESOURCE_EXHAUSTED':
      return new AttemptFailure('throttled', `Cloud Storage asked for a slower rate: ${error.message}`, {
        retryable: true,
        countsAsTry: false,
        cause: error,
      })
    case 'DEADLINE_EXCEEDED':
      return new AttemptFailure('timeout', error.message, { retryable: true, cause: error })
    default:
      return new AttemptFailure('model_error', `could not read ${uri}: ${error.message}`, {
        retryable: error.retryable,
        cause: error,
      })
  }
}
