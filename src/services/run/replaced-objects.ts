import { parseGsUri } from '../../contracts/gs-uri.ts'
import { objectVersion } from '../../google/storage/object-version.ts'

/** The most images that an estimate looks at. 5,000 reads of metadata cost a fifth of a cent and take seconds. */
export const MOST_LOOKED_AT = 5_000

const AT_ONCE = 64

/** The versions of images in Cloud Storage, or why there are none. */
export type ObjectVersions =
  | { kind: 'known'; versions: ReadonlyMap<string, string> }
  /** `example` is one that this account may not look at. */
  | { kind: 'denied'; example: string }
  | { kind: 'too many' }

/** Looks at the objects of images with the user's own account, unless there are too many. */
export async function objectVersions(images: AsyncIterable<string>, signal: AbortSignal): Promise<ObjectVersions> {
  const uris: string[] = []
  for await (const uri of images) {
    if (uris.push(uri) > MOST_LOOKED_AT) return { kind: 'too many' }
  }
  const versions = new Map<string, string>()
  const waiting = uris.values()
  let denied: string | undefined
  const worker = async (): Promise<void> => {
    for (const uri of waiting) {
      signal.throwIfAborted()
      if (denied !== undefined) return
      // A run cannot look at it either, and asks again.
      if ('fault' in parseGsUri(uri)) continue
      const version = await objectVersion(uri)
      if (version === undefined) denied = uri
      else versions.set(uri, version)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return denied === undefined ? { kind: 'known', versions } : { kind: 'denied', example: denied }
}

/** The name of the parameter with the versions. */
const PARAMETER = 'imagery_versions'

/**
 * Returns a query of versions that are sent with it, because an estimate creates no table, and its parameter. No object's
 * name has a line break (https://cloud.google.com/storage/docs/objects#naming), and no version has a space.
 */
export function versionsGiven(versions: ReadonlyMap<string, string>): {
  query: string
  parameters: Record<string, string>
} {
  const lines = [...versions].map(([uri, version]) => `${version} ${uri}`)
  return {
    query: `(
    SELECT SUBSTR(line, STRPOS(line, ' ') + 1) AS gcs_uri, SUBSTR(line, 1, STRPOS(line, ' ') - 1) AS version
    FROM UNNEST(SPLIT(@${PARAMETER}, '\\n')) AS line
  )`,
    parameters: { [PARAMETER]: lines.join('\n') },
  }
}
