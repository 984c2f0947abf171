import path from 'node:path'
import { parseArgs } from 'node:util'
import { LocalCloudError, startLocalCloud } from '../src/index.ts'

/**
 * Starts the local cloud alone, without imagery: `node scripts/start.ts [--data-dir FOLDER] [--gemini VALUE]`.
 * Ctrl-C stops it; its state stays in the folder.
 */
const { values } = parseArgs({
  options: { 'data-dir': { type: 'string', default: 'local-cloud-data' }, gemini: { type: 'string' } },
})

try {
  const { gemini } = values
  const cloud = await startLocalCloud({
    dataDir: path.resolve(values['data-dir']),
    log: (line) => console.error(line),
    ...(gemini === undefined ? {} : { gemini }),
  })
  console.log(JSON.stringify({ http: cloud.locator.http, grpc: cloud.locator.grpc, data_dir: values['data-dir'] }))
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => void cloud.stop())
  await cloud.stopped
} catch (error) {
  if (!(error instanceof LocalCloudError)) throw error
  console.error([error.message, ...error.suggestions].join('\n  '))
  process.exitCode = 1
}
