import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { get, type IncomingMessage } from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { Summary } from '@imagery/viewer/contract/source'
import type { ViewedRun } from '@imagery/viewer/contract/run'
import { followRun } from '../../../src/services/view/follow-run.ts'
import { readPauseMs } from '../../../src/services/view/run-changes.ts'
import { FIELDS, generatedPages } from './generated-rows.ts'
import { openedRun, serveRows, type ServedRun } from './served-run.ts'

const rows = (await Array.fromAsync(generatedPages(90))).flat()

type Look = 'same' | 'changed' | 'ended'

let served: ServedRun | undefined

afterEach(async () => {
  await served?.close()
  served = undefined
})

/** Yields the names of the events of a stream. */
async function* eventsOf(response: IncomingMessage): AsyncGenerator<string> {
  let text = ''
  for await (const part of response.setEncoding('utf8')) {
    text += part as string
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const name = /^event: (.*)$/m.exec(text.slice(0, end))?.[1]
      text = text.slice(end + 2)
      if (name !== undefined) yield name
    }
  }
}

describe('a run in progress', () => {
  test('shows new rows, tells the page, and becomes a run with results when it has ended', async () => {
    const looks: PromiseWithResolvers<Look>[] = [1, 2, 3].map(() => Promise.withResolvers<Look>())
    let looked = 0
    let opened = 0
    served = await serveRows(FIELDS, rows.slice(0, 30), {
      changes: {
        lookMs: 1,
        readMs: () => 0,
        look: async () => looks[looked++]!.promise,
        open: async () =>
          openedRun(FIELDS, rows.slice(0, (opened += 1) === 1 ? 60 : 90), opened === 1 ? undefined : 'end'),
      },
    })
    const { port } = served.server
    const counted = async (): Promise<number> =>
      ((await served!.ask('/api/summary', { body: { filter: [] } })).json() as Summary).rows
    const about = async (): Promise<ViewedRun> => (await served!.ask('/api/run')).json() as ViewedRun
    expect(await counted()).toBe(30)
    expect(await about()).toMatchObject({ is_live: true, units: { total: 30 } })
    const stream = await new Promise<IncomingMessage>((resolve) =>
      get({ host: '127.0.0.1', port, path: '/api/events', headers: { cookie: served!.cookie } }, resolve),
    )
    expect(stream.headers['content-type']).toContain('text/event-stream')
    const events = eventsOf(stream)
    looks[0]!.resolve('same')
    looks[1]!.resolve('changed')
    expect((await events.next()).value).toBe('changed')
    expect(await counted()).toBe(60)
    expect((await about()).is_live).toBe(true)
    looks[2]!.resolve('ended')
    expect((await events.next()).value).toBe('changed')
    expect(await counted()).toBe(90)
    expect(await about()).toMatchObject({ is_live: false, units: { total: 90 } })
    await served.viewing.followed
    // The rows of a run in progress leave no file.
    expect(await readdir(path.join(served.folder, 'cache', 'view', 'rows'))).toEqual([
      expect.stringMatching(/^261123-9f3c1a7b-[0-9a-f]{16}\.duckdb$/),
    ])
  })

  test('leaves no file when it is viewed no more', async () => {
    const never = new Promise<Look>(() => undefined)
    const home = await mkdtemp(path.join(os.tmpdir(), 'imagery-view-'))
    const short = await serveRows(FIELDS, rows, {
      folder: home,
      changes: {
        lookMs: 3_600_000,
        readMs: () => 0,
        look: () => never,
        open: async () => openedRun(FIELDS, rows, undefined),
      },
    })
    const folder = path.join(home, 'cache', 'view', 'rows')
    expect(await readdir(folder)).toHaveLength(1)
    await short.close()
    expect(await readdir(folder)).toEqual([])
    await rm(home, { recursive: true })
  })

  test('is read at most as often as its cost allows, and again after a failure', async () => {
    const looks: (Look | Error)[] = ['changed', 'changed', 'same', new Error('no network'), 'same', 'ended']
    let nowMs = 0
    const reads: number[] = []
    await followRun(
      openedRun(FIELDS, [], undefined),
      {
        lookMs: 30,
        readMs: () => 100,
        look: async () => {
          const look = looks.shift()!
          if (look instanceof Error) throw look
          return look
        },
        open: async () => openedRun(FIELDS, [], undefined),
      },
      {
        read: async () => void reads.push(nowMs),
        signal: new AbortController().signal,
        pause: async (milliseconds) => void (nowMs += milliseconds),
        now: () => nowMs,
      },
    )
    // A change at 30 waits until 100 are over: the look at 120 fails, and the one at 150 comes next.
    expect(reads).toEqual([150, 180])
  })

  test('costs at most 0.10 US dollars an hour to follow on Google Cloud', () => {
    for (const bytes of [0, 1e6, 1e9, 1e12]) {
      const pauseMs = readPauseMs('google', bytes)
      expect(pauseMs).toBeGreaterThanOrEqual(60_000)
      expect((3_600_000 / pauseMs) * (bytes / 2 ** 40) * 6.25).toBeLessThanOrEqual(0.1 + 1e-9)
    }
    expect(readPauseMs('local', 1e12)).toBe(2_000)
  })
})
