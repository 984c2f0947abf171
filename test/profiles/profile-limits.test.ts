import { describe, expect, test } from 'vitest'
import { ImageryError } from '../../src/contracts/errors.ts'
import { runTables } from '../../src/contracts/names.ts'
import type { Profile } from '../../src/contracts/run-spec.ts'
import { liveView } from '../../src/run-data/sql/ledger.ts'
import { checkProfile, checkSecrets } from '../../src/profiles/profile-check.ts'
import { parseProfile } from '../../src/profiles/profile-text.ts'

const PROFILE: Profile = {
  name: 'mine',
  description: 'Mine.',
  prompt: 'What is it?',
  output: { type: 'object', properties: { visible: { type: 'boolean' } } },
}

/** Each problem of a profile text: its line, its part and the reason. */
function problems(text: string): string[] {
  try {
    parseProfile(text, 'mine.yaml', (profile) => [...checkProfile(profile), ...checkSecrets(profile)])
  } catch (error) {
    if (!(error instanceof ImageryError)) throw error
    return error.message.split('\n').map((line) => line.replace(/^mine\.yaml:/, ''))
  }
  return []
}

const HEAD = 'name: mine\ndescription: Mine.\nprompt: What is it?\n'
const withColumns = (...lines: string[]): string =>
  `${HEAD}output:\n  type: object\n  properties:\n${lines.map((line) => `    ${line}\n`).join('')}`

test('every problem of the columns is listed at once, each with its line', () => {
  expect(
    problems(
      withColumns(
        '1a: {type: string}',
        'a.b: {type: string}',
        `${'x'.repeat(301)}: {type: string}`,
        '_table_x: {type: string}',
        '_ROW_TIMESTAMP: {type: string}',
        'status: {type: string}',
        'GCS_uris: {type: string}',
        'width: {type: string}',
        'Width: {type: array}',
        'height: {type: integer, enum: [a], minimum: 3, maximum: 1}',
        'parts: {type: array, items: {type: object, properties: {"b c": {type: object}}}}',
      ),
    ),
  ).toEqual([
    expect.stringMatching(/^7: output\.properties\.1a: a column name has letters/),
    expect.stringMatching(/^8: output\.properties\.a\.b: a column name has letters/),
    expect.stringMatching(/^9: output\.properties\.x+: a column name has .* at most 300 characters$/),
    '10: output.properties._table_x: BigQuery reserves names with this prefix',
    '11: output.properties._ROW_TIMESTAMP: BigQuery reserves names with this prefix',
    '12: output.properties.status: is a column name that imagery reserves; choose another name',
    '13: output.properties.GCS_uris: is a column name that imagery reserves; choose another name',
    '15: output.properties.Width: two column names differ only in case',
    '15: output.properties.Width: an array needs items',
    '16: output.properties.height.enum: does not apply to type integer',
    '16: output.properties.height.minimum: is above maximum',
    expect.stringMatching(/^17: output\.properties\.parts\.items\.properties\.b c: a column name has letters/),
    '17: output.properties.parts.items.properties.b c: an object needs at least one property',
  ])
})

test.each<[string, string, RegExp | undefined]>([
  ['a description of 1,024 characters', withColumns(`a: {type: string, description: ${'d'.repeat(1_024)}}`), undefined],
  [
    'a longer one',
    withColumns('a:', '  type: string', `  description: ${'d'.repeat(1_025)}`),
    /^9: output\.properties\.a\.description: has 1,025 characters; .* 1,024$/,
  ],
  [
    'a longer one, deep down',
    withColumns(`a: {type: object, properties: {b: {type: string, description: ${'d'.repeat(1_025)}}}}`),
    /^7: output\.properties\.a\.properties\.b\.description: has 1,025/,
  ],
  [
    'a longer one, of items',
    withColumns(`a: {type: array, items: {type: string, description: ${'d'.repeat(1_025)}}}`),
    /^7: output\.properties\.a\.items\.description: has 1,025/,
  ],
  [
    'a profile description too long for a table',
    withColumns('a: {type: string}').replace('Mine.', 'd'.repeat(12_001)),
    /^2: description: has 12,001 characters/,
  ],
  [
    'a filter that closes a bracket it did not open',
    `${withColumns('a: {type: string}')}where: a = 1)\n`,
    /^8: where: has \) without an opening bracket/,
  ],
  [
    'a filter that opens a quote',
    `${withColumns('a: {type: string}')}where: "a = 'x"\n`,
    /^8: where: opens ' and does not close it$/,
  ],
  [
    'a filter with a statement',
    `${withColumns('a: {type: string}')}where: a = 1; DROP TABLE b\n`,
    /^8: where: has a ; outside/,
  ],
  ['an empty filter', `${withColumns('a: {type: string}')}where: ""\n`, /^8: where: is empty$/],
  [
    'a filter larger than a query',
    `${withColumns('a: {type: string}')}where: a = "${'x'.repeat(980_000)}"\n`,
    /^8: where: has 980,\d{3} bytes/,
  ],
  [
    'a prompt longer than a model reads',
    withColumns('a: {type: string}').replace('What', 'W'.repeat(4_300_000)),
    /^3: prompt: has 1,075,\d{3} tokens/,
  ],
  [
    'a choice that is cut',
    withColumns(`a: {type: string, maxLength: 100, enum: [b, ${'c'.repeat(101)}]}`),
    /^7: output\.properties\.a\.enum\.1: is longer than maxLength 100/,
  ],
  [
    'bounds without an integer',
    withColumns('a: {type: integer, minimum: 0.5, maximum: 0.7}'),
    /^7: output\.properties\.a\.minimum: allows no integer/,
  ],
  [
    'a bound that JSON does not carry',
    withColumns('a: {type: integer, minimum: 1.0e+20}'),
    /^7: output\.properties\.a\.minimum: allows no integer/,
  ],
  [
    'a name that objects lose',
    withColumns('a: {type: string}', '__proto__: {type: string}'),
    /^8: __proto__: cannot be/,
  ],
  [
    'levels without end',
    withColumns(`a: ${'{type: object, properties: {a: '.repeat(5_000)}1${'}}'.repeat(5_000)}`),
    /^\d+: .*is nested too deeply/,
  ],
  [
    'a password',
    withColumns('a: {type: string, description: see https://me:hunter2@a.example/b}'),
    /^7: output\.properties\.a\.description: contains a user name or password in a URL/,
  ],
  [
    'an API key',
    withColumns('a: {type: string}').replace('What', 'AIzaSyA-1234567890123456789012345678901'),
    /^3: prompt: contains an API key/,
  ],
])('%s', (_what, text, problem) => {
  const found = problems(text)
  expect(found).toEqual(problem === undefined ? [] : [expect.stringMatching(problem)])
  expect(found.join()).not.toMatch(/hunter2|AIza/)
})

describe('a table and a view', () => {
  const columns = (count: number, name = 'c'): Profile['output']['properties'] =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${name}${index}`, { type: 'boolean' as const }]))
  const withOutput = (properties: Profile['output']['properties']): Profile => ({
    ...PROFILE,
    output: { type: 'object', properties },
  })

  test('have at most the columns that BigQuery accepts, including nested ones and imagery’s own', () => {
    const nested = (count: number): Profile => withOutput({ s: { type: 'object', properties: columns(count) } })
    expect(checkProfile(nested(9_954))).toEqual([])
    expect(checkProfile(nested(9_955))).toEqual([
      {
        path: ['output', 'properties'],
        reason: "has 10,001 columns including imagery's own; the limit for a BigQuery table is 10,000",
      },
    ])
  })

  // https://cloud.google.com/bigquery/quotas#view_limits
  test('are named in a valid query, whatever the columns and tables are called', () => {
    const name = 'x'.repeat(290)
    const most = 787
    expect(checkProfile(withOutput(columns(most + 1, name)))).toEqual([
      {
        path: ['output', 'properties'],
        reason: expect.stringMatching(/^has 248,\d{3} characters in the query of a view/),
      },
    ])
    const profile = withOutput(columns(most, name))
    expect(checkProfile(profile)).toEqual([])
    const output = 'r'.repeat(900)
    const place = { projectId: 'p'.repeat(30), dataset: 'd'.repeat(1_024), runId: '261123-9f3c1a7b' }
    const view = liveView(runTables({ ...place, profile: 'mine', output }), profile)
    expect(view.length).toBeGreaterThan(240_000)
    expect(view.length).toBeLessThan(256_000)
  })
})
