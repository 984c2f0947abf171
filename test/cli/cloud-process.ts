import { readFileSync } from 'node:fs'
import path from 'node:path'
import { startLocalCloud, type LocalCloud } from '@imagery/local-cloud'

export interface WarmCloudOptions {
  /** As `--gemini` takes it, with an absolute path. */
  gemini?: string
  /** The file of the access log. */
  accessLog?: string
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
const clouds = new Map<string, LocalCloud>()

async function start({ dataDir, gemini, accessLog }: NonNullable<CloudRequest['start']>): Promise<void> {
  const cloud = await startLocalCloud({
    dataDir,
    version,
    ...(gemini === undefined ? {} : { gemini }),
    ...(accessLog === undefined ? {} : { accessLogFile: accessLog }),
  })
  clouds.set(dataDir, cloud)
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
