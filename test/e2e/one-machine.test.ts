import { spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { newUser, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { lockFolder } from '@imagery/local-cloud/contract/folder-lock'
import { findLocalCloud } from '../../src/services/local/cloud.ts'

let user: ImageryUser
let folder: string
let count = 0

beforeAll(async () => {
  user = await newUser({ isWarm: true })
})

beforeEach(() => {
  folder = path.join(user.folder, `cloud-${(count += 1)}`)
})

afterEach(() => user.run(on('local', 'stop')))

afterAll(() => user.leave())

const on = (...words: string[]): string[] => [...words, '--data-dir', folder]
const runs = (): string[] => on('runs', '--local', '--json')
/** Each in a process of its own, which ends with the command. */
const list = (...flags: string[]): Promise<Outcome> => user.start([...runs(), ...flags]).outcome
const isGood = { exitCode: 0, stdout: expect.stringContaining('[') as string }

async function expectStopped(): Promise<void> {
  await expect
    .poll(async () => (await user.run(on('local', 'status', '--json'))).json(), { timeout: 30_000, interval: 300 })
    .toEqual({
      running: false,
    })
}

/** Waits for the line in which a command says what it is waiting for. */
async function saysThatItWaits({ process: child }: ReturnType<ImageryUser['start']>): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      text += String(chunk)
      const [line] = /· Waiting for .*/.exec(text) ?? []
      if (line) resolve(line)
    })
    child.stderr?.on('end', () => reject(new Error(`no wait in: ${text}`)))
  })
}

describe('several commands on one machine', () => {
  test('at once share the local cloud that the first one starts', async () => {
    const outcomes = await Promise.all([1, 2, 3].map(() => list()))
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject(isGood)
      expect(outcome.json()).toEqual(outcomes[0]!.json())
    }
    // Each command that lost the race said what it waited for.
    expect(outcomes.filter(({ stderr }) => stderr.includes('is starting')).length).toBeGreaterThan(0)
    expect(readdirSync(folder).filter((name) => name.startsWith('local-cloud.log'))).toEqual(['local-cloud.log'])
  })

  test('one after another use the running cloud or start the next one, at any interval', async () => {
    for (const distanceMs of [0, 1_000, 1_100]) {
      expect(await list(), `${distanceMs} ms`).toMatchObject(isGood)
      await pause(distanceMs)
    }
    expect(await list()).toMatchObject(isGood)
  })

  test('may choose another stand-in once no command uses the first', async () => {
    for (const name of ['one.yaml', 'other.yaml']) {
      writeFileSync(path.join(user.folder, name), '')
      expect(await list('--gemini', `script:${name}`)).toMatchObject(isGood)
    }
  })
})

describe('a local cloud that another process starts or stops', () => {
  /** This process locks the folder, like a local cloud that starts or stops. */
  function hold(phase: 'starting' | 'stopping', waitsFor?: string): () => void {
    mkdirSync(folder, { mode: 0o700 })
    const lock = lockFolder(folder)
    lock.say(phase, waitsFor)
    return () => lock.release()
  }

  test('is waited for, with a line that names the process; then the command starts its own', async () => {
    const release = hold('stopping', 'programs and builds of Cloud Run')
    const waiting = user.start(runs())
    expect(await saysThatItWaits(waiting)).toBe(
      `· Waiting for the local cloud in ${folder} (process ${process.pid}), which is stopping and waits for programs and builds of Cloud Run`,
    )
    const stop = user.start(on('local', 'stop', '--json'))
    expect(await saysThatItWaits(stop)).toContain('which is stopping')
    expect((await user.run(on('local', 'status', '--json'))).json()).toEqual({
      running: false,
      phase: 'stopping',
      pid: process.pid,
    })
    release()
    expect((await stop.outcome).json()).toEqual({ stopped: true })
    expect(await waiting.outcome).toMatchObject(isGood)
  })

  test('does not block a Ctrl-C', async () => {
    const release = hold('starting')
    for (const line of [runs(), on('local', 'start'), on('local', 'start', '--detach'), on('local', 'stop')]) {
      const waiting = user.start(line)
      await saysThatItWaits(waiting)
      const began = performance.now()
      waiting.process.kill('SIGINT')
      expect(await waiting.outcome).toMatchObject({ exitCode: 130 })
      expect(performance.now() - began).toBeLessThan(4_000)
    }
    release()
  })

  test('that crashes while it starts is not waited for', async () => {
    const child = user.start(on('local', 'start'))
    await expect.poll(() => existsSync(path.join(folder, 'lock.json')), { interval: 5, timeout: 30_000 }).toBe(true)
    const waiting = user.start(runs())
    child.process.kill('SIGKILL')
    await child.outcome.catch(() => undefined)
    expect(await waiting.outcome).toMatchObject(isGood)
  })

  test('is not confused with another program that has its process ID', async () => {
    mkdirSync(folder, { mode: 0o700 })
    const other = spawn(process.execPath, ['-e', 'setTimeout(() => undefined, 60000)'])
    writeFileSync(path.join(folder, 'lock.json'), JSON.stringify({ pid: other.pid, phase: 'stopping' }))
    try {
      expect((await user.run(on('local', 'status', '--json'))).json()).toEqual({ running: false })
      expect((await user.run(on('local', 'stop', '--json'))).json()).toEqual({ stopped: false })
      expect(await user.run(runs())).toMatchObject({ ...isGood, stderr: '' })
      expect(other.exitCode).toBe(null)
    } finally {
      other.kill()
    }
  })
})

describe('imagery local', () => {
  test('start --detach, twice at once, starts one cloud; stop during a start stops it; token waits for it', async () => {
    const [first, second] = await Promise.all(
      [1, 2].map(() => user.start(on('local', 'start', '--detach', '--json')).outcome),
    )
    const [good, bad] = first!.exitCode === 0 ? [first!, second!] : [second!, first!]
    expect(good).toMatchObject({ exitCode: 0 })
    expect(bad.error()).toMatchObject({
      code: 'LOCAL_CLOUD_FAILED',
      message: expect.stringContaining('already running'),
    })
    await user.run(on('local', 'stop'))

    const starting = user.start(on('local', 'start', '--detach', '--json'))
    await expect
      .poll(() => existsSync(path.join(folder, 'lock.json')) && lockPhase(), { interval: 5, timeout: 30_000 })
      .toBe('starting')
    const [token, stopped] = await Promise.all([
      user.run(on('local', 'token', '--json')),
      starting.outcome.then(() => user.run(on('local', 'stop', '--json'))),
    ])
    expect(token).toMatchObject({ exitCode: 0 })
    expect(stopped.json()).toEqual({ stopped: true })
    await expectStopped()
  })

  test('reset is refused while a command uses the cloud, and nothing is lost', async () => {
    const busy = user.start(['local', 'exec', '--data-dir', folder, '--', process.execPath, '-e', STAYS])
    await expect.poll(() => existsSync(path.join(user.folder, `here-${count}`)), { timeout: 30_000 }).toBe(true)
    const refused: Outcome = await user.run(on('local', 'reset', '--yes', '--json'))
    expect(refused.error()).toMatchObject({
      code: 'LOCAL_CLOUD_FAILED',
      message: expect.stringContaining(`1 command is using the local cloud in ${folder}`),
      suggestions: expect.arrayContaining([expect.stringContaining(`imagery local stop --data-dir ${folder}`)]),
    })
    expect(await findLocalCloud(folder)).toBeDefined()
    writeFileSync(path.join(user.folder, `end-${count}`), '')
    expect(await busy.outcome).toMatchObject({ exitCode: 0 })
    expect((await user.run(on('local', 'reset', '--yes', '--json'))).json()).toEqual({ deleted: folder })
    expect(existsSync(folder)).toBe(false)
  })

  test('of another version is not used, and can be stopped', async () => {
    await user.run(on('local', 'start', '--detach'))
    const file = path.join(folder, 'local-cloud.json')
    const locator = JSON.parse(readFileSync(file, 'utf8')) as { imageryVersion: string }
    writeFileSync(file, JSON.stringify({ ...locator, imageryVersion: '99.0.0' }))
    const { error } = await user.run(runs())
    expect(error()).toMatchObject({
      code: 'LOCAL_CLOUD_FAILED',
      message: expect.stringMatching(/is from imagery 99\.0\.0, but this is imagery /),
      suggestions: [expect.stringContaining(`imagery local stop --data-dir ${folder}`)],
    })
    writeFileSync(file, JSON.stringify({ ...locator, version: 2 }))
    expect((await user.run(runs())).error()).toMatchObject({
      code: 'LOCAL_CLOUD_FAILED',
      message: expect.stringContaining('another version of imagery'),
    })
    writeFileSync(file, JSON.stringify({ ...locator, imageryVersion: '99.0.0' }))
    expect((await user.run(on('local', 'stop', '--json'))).json()).toEqual({ stopped: true })
    expect(await user.run(runs())).toMatchObject(isGood)
  })
})

/** Forwards requests to a metadata server, and breaks every connection after a number of requests. */
async function dyingMetadataServer(host: string, answers: number): Promise<{ host: string; server: Server }> {
  let left = answers
  const server = createServer((request, response) => {
    left -= 1
    if (left < 0) {
      request.socket.destroy()
      return
    }
    fetch(`http://${host}${request.url}`, { headers: { 'Metadata-Flavor': 'Google' } }).then(
      async (answer) => response.writeHead(answer.status, { 'metadata-flavor': 'Google' }).end(await answer.text()),
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, server }
}

describe('a lost metadata server', () => {
  test('is named in the error, whenever it is lost', async () => {
    expect(await user.run(on('local', 'start', '--detach'))).toMatchObject({ exitCode: 0 })
    const file = path.join(folder, 'local-cloud.json')
    const locator = JSON.parse(readFileSync(file, 'utf8')) as { metadataHost: string }
    writeFileSync(path.join(user.folder, 'signs.jsonl'), '{"asset_id": "a", "gcs_uri": "a.jpg"}\n')
    const run = on('run', '--local', '--table', 'signs.jsonl', '--profile', 'resolution', '--json')
    // Before the first call, before the first token, and before the command knows its account.
    for (const answers of [0, 1, 2]) {
      const { host, server } = await dyingMetadataServer(locator.metadataHost, answers)
      writeFileSync(file, JSON.stringify({ ...locator, metadataHost: host }))
      const outcome = await user.run(run)
      server.close()
      expect({ answers, exitCode: outcome.exitCode, ...outcome.error() }).toMatchObject({
        exitCode: 1,
        code: 'LOCAL_CLOUD_FAILED',
        message: expect.stringContaining("The local cloud's metadata server"),
        suggestions: [expect.stringContaining(`imagery local stop --data-dir ${folder}`)],
      })
    }
    writeFileSync(file, JSON.stringify(locator))
    expect(await user.run(runs())).toMatchObject(isGood)
  })
})

/** Announces itself and runs until it is stopped. */
const STAYS = `
const fs = require('node:fs')
const number = process.env.IMAGERY_DATA_DIR.split('-').at(-1)
fs.writeFileSync('here-' + number, '')
setInterval(() => { if (fs.existsSync('end-' + number)) process.exit() }, 20)`

function lockPhase(): string {
  try {
    return (JSON.parse(readFileSync(path.join(folder, 'lock.json'), 'utf8')) as { phase: string }).phase
  } catch {
    return 'being written'
  }
}
