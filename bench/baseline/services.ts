/**
 * The baseline's two services in one process: `node services.ts SETTINGS`. POST /populate turns a
 * slice of the source into tasks, POST /process measures one asset. Prints its port when it listens.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { BigQuery } from '@google-cloud/bigquery'
import { CloudTasksClient } from '@google-cloud/tasks'
import { pushEnvelope } from '../../src/contracts/messages.ts'
import { grpcClientOptions, restClientOptions } from '../../src/google/auth/credentials.ts'
import { readObject } from '../../src/google/storage/storage.ts'
import { ImageBytes } from '../../src/runtime/models/image-bytes.ts'
import { configureSharp, readHeader } from '../../src/runtime/models/image-reader.ts'
import type { AssetTask, BaselineSettings, OffsetShard } from './messages.ts'

const settings = JSON.parse(process.argv[2] ?? '{}') as BaselineSettings
const bigQuery = new BigQuery(await restClientOptions(settings.projectId))
const tasks = new CloudTasksClient(await grpcClientOptions(settings.projectId))
const results = bigQuery.dataset(settings.dataset).table(settings.resultsTable)
configureSharp()

const server = createServer((request, response) => {
  void answer(request).then(
    () => response.writeHead(200).end('{}'),
    (error: unknown) => {
      console.error(error)
      response.writeHead(500).end()
    },
  )
})
server.listen(0, '127.0.0.1', () => console.log(port()))
process.once('SIGTERM', () => process.exit(0))

function port(): number {
  return (server.address() as AddressInfo).port
}

async function answer(request: IncomingMessage): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
  switch (request.url) {
    case '/populate': {
      const { message } = pushEnvelope.parse(body)
      return populate(JSON.parse(Buffer.from(message.data ?? '', 'base64').toString('utf8')) as OffsetShard)
    }
    case '/process':
      return processAsset(body as AssetTask)
    default:
      throw new Error(`no ${request.url} here`)
  }
}

/** Reads the source again for this slice; its tasks have no names and are created one by one. */
async function populate({ offset, limit }: OffsetShard): Promise<void> {
  const [rows] = await bigQuery.query({
    query: `SELECT asset_id, ARRAY_AGG(gcs_uri) AS gcs_uris FROM \`${settings.source}\`
GROUP BY asset_id ORDER BY asset_id LIMIT ${limit} OFFSET ${offset}`,
    location: 'US',
  })
  for (const row of rows as AssetTask[]) {
    await tasks.createTask({
      parent: settings.queue,
      task: {
        httpRequest: {
          url: `http://127.0.0.1:${port()}/process`,
          httpMethod: 'POST',
          headers: { 'content-type': 'application/json' },
          body: Buffer.from(JSON.stringify(row)),
        },
      },
    })
  }
}

/** The resolution profile's measurement, and one insertAll for one row. */
async function processAsset({ asset_id, gcs_uris }: AssetTask): Promise<void> {
  const started_at = new Date().toISOString()
  const images = await Promise.all(gcs_uris.map(async (uri) => readHeader(ImageBytes.of(uri, await readObject(uri)))))
  if (settings.modelMs > 0) await pause(settings.modelMs)
  const best = images.reduce((one, other) => (other.width * other.height > one.width * one.height ? other : one))
  const { width, height } = best
  await results.insert({ asset_id, gcs_uris, width, height, started_at, finished_at: new Date().toISOString() })
}
