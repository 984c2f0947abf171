import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/kernel/clock.ts'
import { GoogleError } from '../../src/kernel/errors.ts'
import { createFaults, type FaultRule } from '../../src/kernel/faults.ts'
import { createGateway, httpOperations, type GatewayControl, type GatewayOptions } from '../../src/kernel/gateway.ts'
import { serveHttp } from '../../src/kernel/http-server.ts'
import { NOTHING } from '../../src/kernel/needs.ts'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup()
})

function open(rules: FaultRule[] = [], options: Partial<GatewayOptions> = {}): GatewayControl {
  return createGateway({
    authenticate: () => ({ email: 'tester@example.com' }),
    faults: createFaults(rules),
    ...options,
  })
}

/** Calls `method` once and tells what came of it: `ok` or the error's status. */
async function outcome(
  { gateway }: GatewayControl,
  method: string,
  work: () => unknown = () => undefined,
): Promise<string> {
  try {
    await gateway({ method, authorization: 'Bearer x', needs: NOTHING }, work)
    return 'ok'
  } catch (error) {
    return (error as GoogleError).status
  }
}

async function outcomes(control: GatewayControl, count: number, method = 'a.b.get'): Promise<string[]> {
  const found: string[] = []
  for (let call = 0; call < count; call++) found.push(await outcome(control, method))
  return found
}

const unavailable = { kind: 'error', status: 'UNAVAILABLE' } as const

describe('the gateway', () => {
  it('refuses a call without a token, and the handler does not run', async () => {
    let ran = false
    const control = open([], {
      authenticate: () => {
        throw new GoogleError('UNAUTHENTICATED', 'who are you?')
      },
    })
    expect(await outcome(control, 'a.b.get', () => (ran = true))).toBe('UNAUTHENTICATED')
    expect(ran).toBe(false)
  })

  it('counts the calls of each method, refused ones included', async () => {
    const control = open([{ method: 'a.b.get', nth: 1, effect: unavailable }])
    await outcomes(control, 3, 'a.b.get')
    await outcomes(control, 2, 'a.b.list')
    expect(control.counts()).toEqual({ 'a.b.get': 3, 'a.b.list': 2 })
  })

  it('delays each call by the added latency', async () => {
    const clock = new ManualClock()
    const control = open([], { clock, addedLatencyMs: 20 })
    let isDone = false
    const call = outcome(control, 'a.b.get').then(() => (isDone = true))
    await clock.advance(19)
    expect(isDone).toBe(false)
    await clock.advance(1)
    await call
  })

  it('logs each call: method, account, status, duration', async () => {
    const records: object[] = []
    const clock = new ManualClock()
    const control = open([{ method: 'x', effect: unavailable }], {
      clock,
      addedLatencyMs: 5,
      log: (record) => records.push(record),
    })
    const calls = Promise.all([outcome(control, 'a.b.get'), outcome(control, 'x')])
    await clock.advance(5)
    await calls
    expect(records).toEqual([
      { method: 'a.b.get', email: 'tester@example.com', status: 'OK', durationMs: 5 },
      { method: 'x', email: undefined, status: 'UNAVAILABLE', durationMs: 5 },
    ])
  })

  it('answers UNAVAILABLE for an API that is being stopped', async () => {
    const control = open()
    control.refuse('a.*')
    expect([await outcome(control, 'a.b.get'), await outcome(control, 'b.get')]).toEqual(['UNAVAILABLE', 'ok'])
  })
})

describe('a fault rule', () => {
  it('hits the nth matching call only', async () => {
    expect(await outcomes(open([{ method: 'a.*.get', nth: 2, effect: unavailable }]), 3)).toEqual([
      'ok',
      'UNAVAILABLE',
      'ok',
    ])
  })

  it('hits every Nth call, up to `times` times', async () => {
    const control = open([{ method: '*', every: 2, times: 2, effect: unavailable }])
    expect(await outcomes(control, 7)).toEqual(['ok', 'UNAVAILABLE', 'ok', 'UNAVAILABLE', 'ok', 'ok', 'ok'])
  })

  it('hits a share of the calls, and the same ones for the same seed', async () => {
    const hits = (seed: number): Promise<string[]> =>
      outcomes(open([{ method: '*', share: 0.2, seed, effect: unavailable }]), 1000)
    const first = await hits(7)
    expect(await hits(7)).toEqual(first)
    expect(await hits(8)).not.toEqual(first)
    const count = first.filter((each) => each === 'UNAVAILABLE').length
    expect(count).toBeGreaterThan(150)
    expect(count).toBeLessThan(250)
  })

  it('matches whole method names', async () => {
    const control = open([{ method: 'a.b', effect: unavailable }])
    expect([await outcome(control, 'a.b'), await outcome(control, 'a.bc'), await outcome(control, 'aab')]).toEqual([
      'UNAVAILABLE',
      'ok',
      'ok',
    ])
  })

  it('is refused when it names two ways to choose calls or an unknown status', () => {
    expect(() => createFaults([{ method: '*', nth: 1, every: 2, effect: unavailable }])).toThrow(
      /one of nth, every and share/,
    )
    expect(() => createFaults([{ method: '*', effect: { kind: 'error', status: 'BROKEN' } }])).toThrow(/status/)
  })

  it.each([
    [{ kind: 'error', status: 'RESOURCE_EXHAUSTED' }, 0, 'RESOURCE_EXHAUSTED'],
    [{ kind: 'drop' }, 0, 'UNAVAILABLE'],
    [{ kind: 'lose-answer' }, 1, 'UNAVAILABLE'],
    [{ kind: 'duplicate' }, 2, 'ok'],
  ] as const)('with effect %o runs the handler %i times and ends %s', async (effect, runs, status) => {
    let count = 0
    expect(await outcome(open([{ method: '*', effect }]), 'a', () => count++)).toBe(status)
    expect(count).toBe(runs)
  })

  it('that duplicates a call returns the first outcome', async () => {
    const { gateway } = open([{ method: '*', effect: { kind: 'duplicate' } }])
    let count = 0
    const answer = await gateway({ method: 'a', authorization: undefined, needs: NOTHING }, () => {
      count += 1
      if (count > 1) throw new GoogleError('ALREADY_EXISTS', 'twice')
      return 'created'
    })
    expect([answer, count]).toEqual(['created', 2])
  })

  it('with a delay makes the call wait', async () => {
    const clock = new ManualClock()
    const control = open([{ method: '*', effect: { kind: 'delay', delayMs: 1000 } }], { clock })
    let isDone = false
    const call = outcome(control, 'a').then(() => (isDone = true))
    await clock.advance(999)
    expect(isDone).toBe(false)
    await clock.advance(1)
    await call
  })

  it('that drops the connection cuts the socket of an HTTP call', async () => {
    const { gateway } = open([{ method: 'slow', effect: { kind: 'lose-answer' } }])
    const app = new Hono()
    let effects = 0
    app.post(
      '/x',
      httpOperations(gateway)(
        'slow',
        (context) => {
          effects += 1
          return context.text('done')
        },
        { needs: NOTHING },
      ),
    )
    const server = await serveHttp({ faces: [{ prefixes: ['/x'], app }], port: 0 })
    cleanups.push(() => server.stop())
    await expect(fetch(`http://127.0.0.1:${server.port}/x`, { method: 'POST', body: 'b' })).rejects.toThrow(
      'fetch failed',
    )
    expect(effects).toBe(1)
  })
})
