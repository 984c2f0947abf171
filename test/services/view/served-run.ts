import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { REQUEST_HEADER } from '@imagery/viewer/contract/http'
import type { TableField } from '../../../src/google/bigquery/bigquery.ts'
import type { RunChanges } from '../../../src/services/view/follow-run.ts'
import type { OpenedRun } from '../../../src/services/view/open-run.ts'
import { startViewServer, type ViewServer } from '../../../src/services/view/server.ts'
import { viewRun, type Viewing } from '../../../src/services/view/viewing.ts'

type Row = Record<string, unknown>

export interface Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: Buffer
  text: string
  json: () => unknown
}

export interface AskOptions {
  method?: string
  body?: unknown
  headers?: Record<string, string>
  /** Without the session's cookie if false. */
  signedIn?: boolean
}

/** A run that is served from rows of a test. */
export interface ServedRun {
  folder: string
  server: ViewServer
  viewing: Viewing
  cookie: string
  ask(target: string, options?: AskOptions): Promise<Answer>
  close(): Promise<void>
}

/** @param version undefined for a run in progress */
export function openedRun(fields: readonly TableField[], rows: readonly Row[], version: string | undefined): OpenedRun {
  return {
    runId: '261123-9f3c1a7b',
    spec: undefined,
    report: undefined,
    rows: {
      table: 'p.d.poles',
      fields,
      count: rows.length,
      version,
      billedBytes: 0,
      read: async function* () {
        yield [...rows]
      },
    },
  }
}

export async function serveRows(
  fields: readonly TableField[],
  rows: readonly Row[],
  options: {
    readImage?: (uri: string) => Promise<Buffer>
    now?: () => number
    /** The folder of an earlier one, whose marks and rows are used. */
    folder?: string
    appFolder?: string
    /** How the run goes on, if it is in progress. */
    changes?: RunChanges
  } = {},
): Promise<ServedRun> {
  const folder = options.folder ?? (await mkdtemp(path.join(os.tmpdir(), 'imagery-view-')))
  const place = { projectId: 'p', region: 'r' }
  const viewing = await viewRun(openedRun(fields, rows, options.changes ? undefined : '1'), {
    target: { kind: 'google', place, key: 'google:p/r', flags: ' --project p' },
    cacheFolder: path.join(folder, 'cache'),
    configurationFolder: path.join(folder, 'config'),
    changes: options.changes,
    compare: undefined,
    ...(options.readImage ? { readImage: options.readImage } : {}),
    signal: new AbortController().signal,
    detail: () => undefined,
  })
  const appFolder = options.appFolder ?? path.join(folder, 'app')
  const { now } = options
  const server = await startViewServer({ viewed: viewing, folder: appFolder, port: undefined, ...(now ? { now } : {}) })
  const opened = await send(server, '/open?token=' + new URL(server.url).searchParams.get('token'), {})
  const cookie = String(opened.headers['set-cookie']).split(';')[0]!
  return {
    folder,
    server,
    viewing,
    cookie,
    ask: (target, asked = {}) =>
      send(server, target, {
        ...asked,
        headers: { ...(asked.signedIn === false ? {} : { cookie }), ...asked.headers },
      }),
    async close() {
      await server.close()
      await viewing.close()
      if (options.folder === undefined) await rm(folder, { recursive: true })
    },
  }
}

/** Sends a request with exactly these headers: `fetch` would choose some itself, and clean the path. */
export async function send(
  { port }: Pick<ServedRun['server'], 'port'>,
  target: string,
  { method, body, headers = {} }: AskOptions,
): Promise<Answer> {
  const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body)
  const json = text === undefined ? {} : { 'content-type': 'application/json', [REQUEST_HEADER]: '1' }
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        host: '127.0.0.1',
        port,
        path: target,
        method: method ?? (text === undefined ? 'GET' : 'POST'),
        headers: { host: `127.0.0.1:${port}`, ...json, ...headers },
        agent: false,
      },
      (response) => {
        const parts: Buffer[] = []
        response.on('data', (part: Buffer) => parts.push(part))
        response.on('error', reject)
        response.on('end', () => {
          const whole = Buffer.concat(parts)
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: whole,
            text: whole.toString('utf8'),
            json: () => JSON.parse(whole.toString('utf8')) as unknown,
          })
        })
      },
    )
    sent.on('error', reject)
    sent.end(text)
  })
}
