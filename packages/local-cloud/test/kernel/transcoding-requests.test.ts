import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NAME, ShelvesApi } from './shelves-fixture.ts'

const api = new ShelvesApi()
beforeAll(() => api.start())
afterAll(() => api.stop())

describe('a request', () => {
  test.each([
    ['the path', 'GET', `/v1/${NAME}`, undefined, 'Get', { name: NAME }],
    ['an additional binding', 'GET', '/v1/shelves/a/b%20c/d', undefined, 'Get', { name: 'shelves/a/b c/d' }],
    ['an escaped slash', 'GET', '/v1/projects/p/shelves/a%2Fb', undefined, 'Get', { name: 'projects/p/shelves/a%2Fb' }],
    ['a colon of a name', 'GET', '/v1/projects/p/shelves/a:b', undefined, 'Get', { name: 'projects/p/shelves/a:b' }],
    [
      'a mask, in camelCase',
      'GET',
      `/v1/${NAME}?readMask=builtAt,rooms.page_size`,
      undefined,
      'Get',
      { readMask: { paths: ['built_at', 'rooms.page_size'] } },
    ],
    ['names of the proto', 'GET', `/v1/${NAME}?read_mask=name`, undefined, 'Get', { readMask: { paths: ['name'] } }],
    ['repeated parameters', 'GET', `/v1/${NAME}?tag=a&tag=b`, undefined, 'Get', { tag: ['a', 'b'] }],
    [
      'nested parameters',
      'GET',
      `/v1/${NAME}?options.page_size=7&options.inner.pageSize=8`,
      undefined,
      'Get',
      { options: { pageSize: 7, inner: { pageSize: 8 } } },
    ],
    [
      'scalars of parameters',
      'GET',
      `/v1/${NAME}?quick=true&isDeep=false&color=DARK_BLUE`,
      undefined,
      'Get',
      { quick: true, isDeep: { value: false }, color: 'DARK_BLUE' },
    ],
    [
      'a time of a parameter',
      'GET',
      `/v1/${NAME}?options.notBefore=2026-11-24T03:00:00Z`,
      undefined,
      'Get',
      { options: { notBefore: { seconds: '1795489200', nanos: 0 } } },
    ],
    [
      'parameters of every API',
      'GET',
      `/v1/${NAME}?alt=json&prettyPrint=false&key=k&%24.xgafv=2`,
      undefined,
      'Get',
      { name: NAME },
    ],
    [
      'a field for a body',
      'POST',
      '/v1/projects/p/shelves?shelfId=s&validateOnly=true',
      { color: 'RED' },
      'Create',
      { parent: 'projects/p', shelfId: 's', validateOnly: true, shelf: { color: 'RED' } },
    ],
    ['no body', 'POST', '/v1/projects/p/shelves', undefined, 'Create', { parent: 'projects/p', shelf: null }],
    [
      'a nested field of the path, over the body',
      'PATCH',
      `/v1/${NAME}?updateMask=color`,
      { name: 'other', color: 2 },
      'Update',
      { shelf: { name: NAME, color: 'DARK_BLUE' }, updateMask: { paths: ['color'] } },
    ],
  ])('accepts %s', async (_, method, route, body, name, request) => {
    expect((await api.ask(method, route, body)).status).toBe(200)
    expect(api.asked?.method).toBe(name)
    expect(api.asked?.request).toMatchObject(request)
  })

  // https://protobuf.dev/programming-guides/json/
  test.each([
    [
      '64 bits as strings',
      { weight: '-9223372036854775808', barcode: '18446744073709551615' },
      { weight: '-9223372036854775808', barcode: '18446744073709551615' },
    ],
    ['64 bits as numbers', { weight: 12 }, { weight: '12' }],
    ['numbers as strings', { ratio: '1.5', height: '3' }, { ratio: 1.5, height: 3 }],
    ['what is no number', { ratio: 'NaN' }, { ratio: Number.NaN }],
    ['bytes', { photo: '/-8=' }, { photo: Buffer.from([255, 239]) }],
    ['bytes in the other alphabet', { photo: '_-8' }, { photo: Buffer.from([255, 239]) }],
    ['a duration', { rest: '-1.5s' }, { rest: { seconds: '-1', nanos: -500_000_000 } }],
    [
      'a time with an offset',
      { builtAt: '2026-11-24T04:00:00.123456+01:00' },
      { builtAt: { seconds: '1795489200', nanos: 123_456_000 } },
    ],
    ['a mask', { shown: 'builtAt,name' }, { shown: { paths: ['built_at', 'name'] } }],
    ['wrappers', { limit: '5', note: '' }, { limit: { value: '5' }, note: { value: '' } }],
    ['null as nothing', { limit: null, name: null }, { limit: null, name: '' }],
    [
      'a struct',
      { extra: { a: [1, 'x', null, true, { b: 2 }] } },
      {
        extra: {
          fields: {
            a: {
              listValue: {
                values: [
                  { numberValue: 1 },
                  { stringValue: 'x' },
                  { nullValue: 'NULL_VALUE' },
                  { boolValue: true },
                  { structValue: { fields: { b: { numberValue: 2 } } } },
                ],
              },
            },
          },
        },
      },
    ],
    ['a map', { rooms: { hall: { pageSize: 1 } } }, { rooms: { hall: { pageSize: 1 } } }],
    ['one for a list of one', { parts: { page_size: 4 } }, { parts: [{ pageSize: 4 }] }],
    ['a choice', { club: {} }, { owner: 'club', club: {} }],
  ])('accepts %s', async (_, given, expected) => {
    expect((await api.ask('POST', '/v1/projects/p/shelves', given)).status).toBe(200)
    expect(api.asked?.request['shelf']).toMatchObject(expected)
  })

  test('accepts an Any by its type name', async () => {
    const content = { '@type': 'type.googleapis.com/test.v1.Options', pageSize: 9 }
    api.shelf = {}
    await api.ask('POST', '/v1/projects/p/shelves', { content })
    api.shelf = api.asked?.request['shelf'] as object
    expect((await api.ask('GET', `/v1/${NAME}`)).json).toMatchObject({ content })
  })
})

describe('a request that does not fit its proto is refused in Google’s words', () => {
  test.each([
    [
      'an unknown field',
      { nonsense: 1 },
      'shelf',
      `Invalid JSON payload received. Unknown name "nonsense" at 'shelf': Cannot find field.`,
    ],
    [
      'one further in',
      { rooms: { hall: { x: 1 } } },
      'shelf.rooms[0].value',
      `Invalid JSON payload received. Unknown name "x" at 'shelf.rooms[0].value': Cannot find field.`,
    ],
    ['text for a number', { height: 'tall' }, 'shelf.height', `Invalid value at 'shelf.height' (TYPE_INT32), "tall"`],
    [
      'a number too large',
      { height: 2 ** 31 },
      'shelf.height',
      `Invalid value at 'shelf.height' (TYPE_INT32), 2147483648`,
    ],
    ['a negative count', { count: -1 }, 'shelf.count', `Invalid value at 'shelf.count' (TYPE_UINT32), -1`],
    ['half a piece', { weight: 1.5 }, 'shelf.weight', `Invalid value at 'shelf.weight' (TYPE_INT64), 1.5`],
    ['a number for text', { name: 1 }, 'shelf.name', `Invalid value at 'shelf.name' (TYPE_STRING), 1`],
    [
      'an unknown enum value',
      { color: 'PINK' },
      'shelf.color',
      `Invalid value at 'shelf.color' (type.googleapis.com/test.v1.Color), "PINK"`,
    ],
    [
      'bytes that are none',
      { photo: '?' },
      'shelf.photo',
      `Invalid value at 'shelf.photo' (TYPE_BYTES), Base64 decoding failed for "?"`,
    ],
    [
      'a duration without unit',
      { rest: '5' },
      'shelf.rest',
      `Invalid value at 'shelf.rest' (type.googleapis.com/google.protobuf.Duration), Illegal duration format; duration must end with 's'`,
    ],
    [
      'a day that is none',
      { builtAt: '2026-02-30T00:00:00Z' },
      'shelf.built_at',
      `Invalid value at 'shelf.built_at' (type.googleapis.com/google.protobuf.Timestamp), Invalid time format: Failed to parse input`,
    ],
    [
      'text for a message',
      { club: 'us' },
      'shelf.club',
      `Invalid value at 'shelf.club' (type.googleapis.com/test.v1.Options), "us"`,
    ],
    [
      'a list for one',
      { name: ['a'] },
      'shelf',
      `Invalid JSON payload received. Unknown name "name" at 'shelf': Proto field is not repeating, cannot start list.`,
    ],
    [
      'two of a choice',
      { person: 'me', club: {} },
      'shelf',
      `Invalid value at 'shelf' (oneof), oneof field 'owner' is already set. Cannot set 'club'`,
    ],
  ])('%s', async (_, given, field, description) => {
    const { status, json } = await api.ask('POST', '/v1/projects/p/shelves', given)
    expect(status).toBe(400)
    expect(json).toEqual({
      error: {
        code: 400,
        message: description,
        status: 'INVALID_ARGUMENT',
        details: [{ '@type': 'type.googleapis.com/google.rpc.BadRequest', fieldViolations: [{ field, description }] }],
      },
    })
    expect(api.asked).toBeUndefined()
  })

  test.each([
    [
      'an unknown field of the request itself',
      'POST',
      `/v1/${NAME}:sort`,
      { x: 1 },
      'Invalid JSON payload received. Unknown name "x": Cannot find field.',
    ],
    [
      'an unknown parameter',
      'GET',
      `/v1/${NAME}?x=1`,
      undefined,
      `Invalid JSON payload received. Unknown name "x": Cannot bind query parameter. Field 'x' could not be found in request message.`,
    ],
    ['a parameter for a whole message', 'GET', `/v1/${NAME}?options=1`, undefined, /Cannot bind query parameter/],
    [
      'a parameter of the wrong type',
      'GET',
      `/v1/${NAME}?quick=perhaps`,
      undefined,
      `Invalid value at 'quick' (TYPE_BOOL), "perhaps"`,
    ],
    ['what is no JSON', 'POST', `/v1/${NAME}:sort`, '{"name', /^Invalid JSON payload received\./],
    ['a list for a request', 'POST', `/v1/${NAME}:sort`, [], /Root element must be a message/],
  ])('%s', async (_, method, route, body, message) => {
    const { status, json } = await api.ask(method, route, body)
    expect(status).toBe(400)
    expect((json['error'] as { message: string }).message).toMatch(message)
    expect(api.asked).toBeUndefined()
  })

  test('lists all faults at once', async () => {
    const { json } = await api.ask('POST', '/v1/projects/p/shelves', { a: 1, b: 2 })
    expect((json['error'] as { message: string }).message.split('\n')).toHaveLength(2)
  })
})
