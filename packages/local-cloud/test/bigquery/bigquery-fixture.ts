import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { serve } from '@hono/node-server'
import { BigQuery } from '@google-cloud/bigquery'
import { PassThroughClient } from 'google-auth-library'
import type { EmulatedApi } from '../../src/kernel/api.ts'
import { GoogleError } from '../../src/kernel/errors.ts'
import { ManualClock } from '../../src/kernel/clock.ts'
import { httpOperations } from '../../src/kernel/gateway.ts'
import { demoAccess, TESTER } from './access-fixture.ts'
import { bigQueryResponse } from '../../src/apis/bigquery/failures.ts'
import { bigQueryApi, type BigQueryOptions } from '../../src/apis/bigquery/index.ts'

/** 2026-01-02 03:04:05.678 UTC: what the emulated clock's time unless a test changes it. */
export const NOW_MS = Date.UTC(2026, 0, 2, 3, 4, 5, 678)

export interface Harness {
  api: EmulatedApi
  client: BigQuery
  clock: ManualClock
  url: string
  directory: string
  /** Stops the server and the store, and starts both again on the same directory. */
  restart(): Promise<void>
  close(): Promise<void>
}

/** A Cloud Storage with these objects, by URI, for load jobs and external tables. The bucket `closed` may not be read. */
export function readerOf(objects: ReadonlyMap<string, Buffer>): NonNullable<BigQueryOptions['readObject']> {
  return async (uri) => {
    if (uri.startsWith('gs://closed/')) throw new GoogleError('PERMISSION_DENIED', 'Permission denied')
    const content = objects.get(uri)
    if (!content) throw new GoogleError('NOT_FOUND', `No such object: ${uri}`)
    return content
  }
}

/** An emulated BigQuery behind a real socket, and the official client that talks to it. */
export async function startBigQuery(options: Partial<BigQueryOptions> = {}): Promise<Harness> {
  const directory = await mkdtemp(path.join(tmpdir(), 'bigquery-'))
  const clock = new ManualClock(NOW_MS)
  const operation = httpOperations(async (_call, handler) => handler({ email: TESTER }), bigQueryResponse)
  const access = demoAccess()
  const open = async (): Promise<{ api: EmulatedApi; url: string; server: ReturnType<typeof serve> }> => {
    const api = await bigQueryApi({ directory, clock, operation, access, ...options })
    await api.start()
    const { server, port } = await new Promise<{ server: ReturnType<typeof serve>; port: number }>((resolve) => {
      const started = serve({ fetch: api.http!.app.fetch, port: 0, hostname: '127.0.0.1' }, (info) =>
        resolve({ server: started, port: info.port }),
      )
    })
    return { api, server, url: `http://127.0.0.1:${port}` }
  }
  const shut = (server: ReturnType<typeof serve>): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve())
      if ('closeAllConnections' in server) server.closeAllConnections()
    })
  const connect = (url: string): BigQuery =>
    new BigQuery({
      projectId: 'demo',
      apiEndpoint: url,
      authClient: new PassThroughClient(),
      retryOptions: { autoRetry: false },
    })
  let current = await open()
  const harness: Harness = {
    api: current.api,
    client: connect(current.url),
    clock,
    url: current.url,
    directory,
    async restart() {
      await shut(current.server)
      await current.api.stop()
      current = await open()
      Object.assign(harness, { api: current.api, client: connect(current.url), url: current.url })
    },
    async close() {
      await shut(current.server)
      await current.api.stop()
      await rm(directory, { recursive: true, force: true })
    },
  }
  return harness
}
