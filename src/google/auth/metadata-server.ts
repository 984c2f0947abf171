/**
 * The metadata server of Google's machines, under both of its names
 * (https://cloud.google.com/compute/docs/metadata/querying-metadata). Implemented here because
 * `gcp-metadata` writes a warning to stderr when another server answers at the address.
 */
const ADDRESSES = ['http://metadata.google.internal', 'http://169.254.169.254']

/** Google's machines answer in milliseconds; elsewhere the packets can get lost. */
const PROBE_TIMEOUT_MS = 1_500

const FLAVOR = 'metadata-flavor'

/**
 * Returns the address of this machine's metadata server, or undefined. The variables are those of Google's own
 * libraries (https://www.npmjs.com/package/gcp-metadata).
 */
export async function metadataServer(environment: NodeJS.ProcessEnv = process.env): Promise<string | undefined> {
  const host = environment['GCE_METADATA_HOST'] ?? environment['GCE_METADATA_IP']
  const detection = environment['METADATA_SERVER_DETECTION']
  if (detection === 'none') return undefined
  const addresses = host ? [`http://${host}`] : ADDRESSES
  if (detection === 'assume-present') return addresses[0]
  return Promise.any(addresses.map(probe)).catch(() => undefined)
}

async function probe(address: string): Promise<string> {
  await read(address, 'instance', PROBE_TIMEOUT_MS)
  return address
}

/** Returns one value, e.g. `project/project-id`. */
export async function metadataValue(address: string, path: string): Promise<string> {
  return read(address, path, 10_000)
}

async function read(address: string, path: string, timeoutMs: number): Promise<string> {
  const response = await fetch(`${address}/computeMetadata/v1/${path}`, {
    headers: { [FLAVOR]: 'Google' },
    signal: AbortSignal.timeout(timeoutMs),
  })
  const text = await response.text()
  if (!response.ok || response.headers.get(FLAVOR) !== 'Google') throw new Error(`no metadata server at ${address}`)
  return text.trim()
}
