import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NAME, ShelvesApi } from './shelves-fixture.ts'

const api = new ShelvesApi()
beforeAll(() => api.start())
afterAll(() => api.stop())

describe('a response', () => {
  // https://protobuf.dev/programming-guides/json/
  test.each([
    ['64 bits as strings', { weight: '-5', barcode: '18446744073709551615' }],
    ['what is no number', { ratio: 'Infinity' }, { ratio: Number.POSITIVE_INFINITY }],
    ['bytes', { photo: '/+8=' }, { photo: Buffer.from([255, 239]) }],
    ['enums by name', { color: 'DARK_BLUE' }],
    ['an unknown enum value by number', { color: 7 }],
    ['a duration', { rest: '-1.500s' }, { rest: { seconds: '-1', nanos: -500_000_000 } }],
    ['a time', { builtAt: '2026-11-24T03:00:00.000001Z' }, { builtAt: { seconds: '1795489200', nanos: 1_000 } }],
    ['a mask', { shown: 'builtAt,name' }, { shown: { paths: ['built_at', 'name'] } }],
    ['wrappers, also of defaults', { limit: '0', note: '' }, { limit: { value: '0' }, note: { value: '' } }],
    [
      'a struct',
      { extra: { a: [null, 1.5, 'x', false] } },
      {
        extra: {
          fields: {
            a: {
              listValue: {
                values: [{ nullValue: 0 }, { numberValue: 1.5 }, { stringValue: 'x' }, { boolValue: false }],
              },
            },
          },
        },
      },
    ],
    ['a map', { rooms: { hall: { pageSize: 1 } } }],
    ['a list', { parts: [{ pageSize: 1 }, {}] }],
    ['a default of an optional field', { floor: 0 }],
    ['a default that was chosen', { person: '' }],
    [
      'no other defaults',
      {},
      { height: 0, name: '', parts: [], rooms: {}, color: 0, weight: '0', photo: Buffer.alloc(0) },
    ],
  ])('has %s', async (_, expected, given: object = expected) => {
    api.shelf = given
    expect((await api.ask('GET', `/v1/${NAME}`)).json).toEqual(expected)
  })

  test('has enums by number on request', async () => {
    api.shelf = { color: 'RED' }
    expect((await api.ask('GET', `/v1/${NAME}?$alt=json;enum-encoding=int`)).json).toEqual({ color: 1 })
  })

  test('is indented unless the request declines it', async () => {
    api.shelf = { name: 'a' }
    expect((await api.ask('GET', `/v1/${NAME}`)).text).toBe('{\n  "name": "a"\n}\n')
    expect((await api.ask('GET', `/v1/${NAME}?prettyPrint=false`)).text).toBe('{"name":"a"}\n')
  })
})

describe('the gateway', () => {
  test('refuses a caller without a token before the request is read', async () => {
    const answer = await fetch(`${api.origin}/v1/${NAME}?nonsense=1`)
    expect(answer.status).toBe(401)
    expect(await answer.json()).toEqual({ error: { code: 401, message: 'who are you?', status: 'UNAUTHENTICATED' } })
  })

  test("checks the call's permissions, as for gRPC", async () => {
    expect((await api.ask('GET', '/v1/projects/p/shelves/secret')).status).toBe(403)
    expect(api.asked).toBeUndefined()
  })

  test('counts calls and applies faults under the method’s own name', async () => {
    expect((await api.ask('POST', `/v1/${NAME}:paint`, {})).status).toBe(503)
    expect((await api.ask('POST', `/v1/${NAME}:sort`, { colors: [1, 'RED'] })).status).toBe(200)
    expect(api.asked?.request).toMatchObject({ colors: ['RED', 'RED'] })
    expect(api.control.counts()).toMatchObject({ 'test.v1.Shelves/Paint': 1, 'test.v1.Shelves/Sort': 1 })
  })

  test('refuses unsupported methods by name', async () => {
    const { status, json } = await api.ask('POST', `/v1/${NAME}:burn`, {})
    expect(status).toBe(501)
    expect((json['error'] as { message: string }).message).toContain('test.v1.Shelves/Burn is not emulated')
    expect((await api.ask('GET', `/v1/${NAME}?fields=name`)).status).toBe(501)
    expect((await api.ask('GET', `/v1/${NAME}?alt=media`)).status).toBe(501)
  })

  test('does not match a method of another verb', async () => {
    expect((await api.ask('DELETE', `/v1/${NAME}`)).status).toBe(404)
    expect((await api.ask('GET', `/v1/${NAME}:sort`)).status).toBe(404)
  })
})
