import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { LocalCloud, startLocalCloud as StartLocalCloud } from '@imagery/local-cloud'

export interface WarmCloudOptions {
  /** As `--gemini` takes it, with an absolute path. */
  gemini?: string
  /** The file of the access log. */
  accessLog?: string
  /** The file of the fault rules. */
  faults?: string
  addedLatencyMs?: number
}

/**
 * The process behind `warm-clouds.ts`: runs local clouds, one or several at once. Argument: the repository's folder.
 */
export interface CloudRequest {
  /** Returned in the answer. */
  id: number
  start?: WarmCloudOptions & { dataDir: string }
  /** The data folder of a cloud to stop. */
  stop?: string
}

export interface CloudAnswer {
  id: number
  error?: string
}

const [, , root = ''] = process.argv
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
const startLocalCloud = await built()
const clouds = new Map<string, LocalCloud>()

/** The local cloud that `imagery local start` loads: its sources take a second of processor time more. */
async function built(): Promise<typeof StartLocalCloud> {
  const command = path.join(root, 'dist', 'commands', 'local', 'start.js')
  const [, chunk] = /import\("([^"]+\/src-\w+\.js)"\)/.exec(readFileSync(command, 'utf8')) ?? []
  if (chunk === undefined) throw new Error(`${command} loads no local cloud`)
  const loaded = (await import(pathToFileURL(path.resolve(path.dirname(command), chunk)).href)) as {
    startLocalCloud: typeof StartLocalCloud
  }
  return loaded.startLocalCloud
}

/** The key that signs tokens, in a data folder. To make one takes 0.1 s of processor time, so new folders get the first one. */
const KEY_FILES = ['signing-key.pem', 'signing.pem']
let key: Buffer[] | undefined

function giveKey(dataDir: string): void {
  if (!key || existsSync(dataDir)) return
  const identity = path.join(dataDir, 'identity')
  mkdirSync(identity, { recursive: true, mode: 0o700 })
  for (const [index, name] of KEY_FILES.entries())
    writeFileSync(path.join(identity, name), key[index]!, { mode: 0o600 })
}

async function start({
  dataDir,
  gemini,
  accessLog,
  faults,
  addedLatencyMs,
}: NonNullable<CloudRequest['start']>): Promise<void> {
  giveKey(dataDir)
  const cloud = await startLocalCloud({
    dataDir,
    version,
    ...(gemini === undefined ? {} : { gemini }),
    ...(accessLog === undefined ? {} : { accessLogFile: accessLog }),
    ...(faults === undefined ? {} : { faultsFile: faults }),
    ...(addedLatencyMs === undefined ? {} : { addedLatencyMs }),
  })
  clouds.set(dataDir, cloud)
  key ??= KEY_FILES.map((name) => readFileSync(path.join(dataDir, 'identity', name)))
  const forget = (): void => {
    if (clouds.get(dataDir) === cloud) clouds.delete(dataDir)
  }
  cloud.stopped.then(forget, forget)
}

process.on('message', ({ id, start: options, stop }: CloudRequest) => {
  const done = options ? start(options) : clouds.get(stop ?? '')?.stop({ now: true })
  Promise.resolve(done).then(
    () => process.send!({ id } satisfies CloudAnswer),
    (error: unknown) => process.send!({ id, error: String(error) } satisfies CloudAnswer),
  )
})
// The programs of the clouds' services end with this process.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
process.send!('ready')
