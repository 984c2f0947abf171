import { expect, test } from 'vitest'
import type { AnswerSchema } from '../../src/contracts/answer-schema.ts'
import { everySeed, FUZZ_TIMEOUT_MS } from '../field/fuzz/seeds.ts'
import { answerReader } from './answer-reader.ts'

const SCHEMA: AnswerSchema = {
  type: 'object',
  required: ['kind', 'parts'],
  properties: {
    kind: { type: 'string', enum: ['pole', 'Street Lamp', 'street-sign', '1', 'None'] },
    note: { type: 'string' },
    count: { type: 'integer' },
    height: { type: 'number' },
    lit: { type: 'boolean' },
    parts: {
      type: 'array',
      items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, size: { type: 'number' } } },
    },
  },
}

/** A repeatable sequence of numbers below `below` (mulberry32). */
function sequence(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

type Below = (below: number) => number

const PIECES = [
  ...'{}[]"\',:\\/#\n .-x“”é🚦ⅷ\u0000\u2028',
  ...'// /* */ ``` ```json {" "} {a: null None NaN 1e9 <think> </think> \\u \\ud83d __proto__ "kind" "parts"'.split(
    ' ',
  ),
  '{"kind": "pole", "parts": []}',
  '\ud83d',
  '\uDEA6',
]

const pick = <Item>(from: readonly Item[], below: Below): Item => from[below(from.length)]!

function text(below: Below): string {
  return Array.from({ length: below(12) }, () => pick(PIECES, below))
    .join('')
    .toWellFormed()
}

/** An object that fits, with any texts. */
function fitting(below: Below): Record<string, unknown> {
  const optional = {
    note: text(below),
    count: below(2_000_000) - 1_000_000,
    height: below(1_000_000) / 7,
    lit: below(2) === 1,
  }
  return {
    kind: pick(SCHEMA.properties!['kind']!.enum!, below),
    parts: Array.from({ length: below(4) }, () => ({ name: text(below), size: below(100) / 3 })),
    ...Object.fromEntries(Object.entries(optional).filter(() => below(3) > 0)),
  }
}

function hasHalves(value: unknown): boolean {
  if (typeof value === 'string') return !value.isWellFormed()
  return value !== null && typeof value === 'object' && Object.values(value).some((member) => hasHalves(member))
}

const ROUNDS = 1_000

test(
  'a whole object that fits comes back with the same values, alone, in a fence, before and after prose',
  async () => {
    const read = await answerReader(SCHEMA)
    await everySeed(ROUNDS, (_, seed) => {
      const below = sequence(seed)
      const columns = fitting(below)
      const json = below(2) === 0 ? JSON.stringify(columns) : JSON.stringify(columns, null, 2)
      const fence = `\`\`\`json\n${json}\n\`\`\``
      expect(read(json), json).toEqual({ columns, repaired: false })
      expect(read(fence), fence).toEqual({ columns, repaired: false })
      for (const answer of [`Here it is: ${json}`, `${json}."}`, `${json}\nDone.`, `${json}${json}`, `[${json}]`])
        expect(read(answer), answer).toEqual({ columns, repaired: true })
      expect(read(json, true), json).toEqual({ columns, repaired: true })
    })
  },
  FUZZ_TIMEOUT_MS,
)

test(
  'a cut object that was whole before has no other values',
  async () => {
    const read = await answerReader(SCHEMA)
    await everySeed(ROUNDS, (_, seed) => {
      const below = sequence(seed)
      const columns = fitting(below)
      const json = JSON.stringify(columns)
      const cut = json.slice(0, below(json.length))
      expect(read(cut, true), cut).not.toHaveProperty('columns')
      const ended = read(cut)
      // Only the last brace can be missing.
      if ('columns' in ended) expect(columns, cut).toMatchObject(ended.columns)
    })
  },
  FUZZ_TIMEOUT_MS,
)

test(
  'any text is read without an error',
  async () => {
    const read = await answerReader(SCHEMA)
    await everySeed(ROUNDS, (_, seed) => {
      const below = sequence(seed)
      const json = JSON.stringify(fitting(below))
      const at = below(json.length)
      const broken = json.slice(0, at) + text(below) + json.slice(at + below(5))
      for (const answer of [broken, text(below) + text(below), text(below) + json + text(below)]) {
        const found = read(answer, below(2) === 0)
        expect('columns' in found && hasHalves(found.columns), answer).toBe(false)
      }
    })
  },
  FUZZ_TIMEOUT_MS,
)

test.each([
  ['braces', '{'.repeat(100_000)],
  ['names', '{"a":'.repeat(50_000)],
  ['names without quotes', '{a:'.repeat(50_000)],
  ['damaged objects', '{"a": !} '.repeat(30_000)],
  ['quotes', `{"a": ${'"'.repeat(200_000)}`],
  ['comments', '{/*'.repeat(60_000)],
  ['lists', `{"a": ${'['.repeat(100_000)}`],
  ['whole lists', `{"a": ${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
  ['lists in a list', '['.repeat(100_000) + ']'.repeat(100_000)],
  ['lists as text', JSON.stringify({ kind: 'pole', parts: '['.repeat(100_000) + ']'.repeat(100_000) })],
  ['lists side by side', `[${'[],'.repeat(100_000)}[]]`],
  ['objects and ends of thoughts', '</think>{}'.repeat(25_000)],
  ['ends of thoughts after objects', '{"a":1}'.repeat(30_000) + '</think>'.repeat(20_000)],
  ['backslashes', `{"a": "${'\\'.repeat(200_001)}`],
  ['ends of thoughts', '</think'.repeat(40_000)],
  ['spaces', `{"a" ${' '.repeat(200_000)}`],
])('a long text of %s is read in time', async (_what, answer) => {
  const read = await answerReader(SCHEMA)
  const started = performance.now()
  expect(read(answer)).not.toHaveProperty('columns')
  expect(performance.now() - started).toBeLessThan(5_000)
})
