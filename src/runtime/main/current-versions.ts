/** Images that one request looks at at once. */
const AT_ONCE = 64

/** Returns the versions of images in order; null for one that this service may not look at. */
export async function currentVersions(
  uris: readonly string[],
  versionOf: (uri: string) => Promise<string | undefined>,
): Promise<(string | null)[]> {
  const versions: (string | null)[] = uris.map(() => null)
  const waiting = uris.entries()
  const worker = async (): Promise<void> => {
    for (const [index, uri] of waiting) versions[index] = (await versionOf(uri)) ?? null
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return versions
}
