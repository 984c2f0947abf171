import { parseGsUri } from '../contracts/gs-uri.ts'
import { unstagedReasonPath } from '../contracts/names.ts'
import { isRunId } from '../contracts/run-id.ts'
import { CloudError, ifFound } from '../google/transport/errors.ts'
import { UnreadableImage } from './models/model.ts'

/** Maximum length of a reason in a row. */
const MAX_REASON_CHARACTERS = 500

/**
 * Makes the error for a missing object more specific: when the command line cannot read an image of a local file or
 * folder, it does not upload the image and stores the reason in the bucket instead.
 *
 * @param options.bucket the deployment's own
 */
export function explainUnstaged(options: {
  readObject: (gsUri: string) => Promise<Buffer>
  bucket: string
}): <Result, More extends unknown[]>(
  look: (gsUri: string, ...more: More) => Promise<Result>,
) => (gsUri: string, ...more: More) => Promise<Result> {
  return (look) =>
    async (uri, ...more) => {
      try {
        return await look(uri, ...more)
      } catch (error) {
        const place =
          error instanceof CloudError && error.status === 'NOT_FOUND' ? reasonUri(uri, options.bucket) : undefined
        const reason = place && (await reasonAt(place, options.readObject))
        if (!reason) throw error
        throw new UnreadableImage(uri, reason.slice(0, MAX_REASON_CHARACTERS), { cause: error })
      }
    }
}

/** Returns the path of the reason; undefined for an object that is not an image of a run's local file or folder. */
function reasonUri(uri: string, bucket: string): string | undefined {
  const name = parseGsUri(uri)
  if ('fault' in name || name.bucket !== bucket) return undefined
  const [, runId = ''] = /^runs\/([^/]+)\/images\//.exec(name.path) ?? []
  return isRunId(runId) ? `gs://${bucket}/${unstagedReasonPath(runId, uri)}` : undefined
}

async function reasonAt(place: string, readObject: (gsUri: string) => Promise<Buffer>): Promise<string | undefined> {
  return (await ifFound(readObject(place)))?.toString('utf8')
}
