import { describe, expect, test } from 'vitest'
import { answerCheck, responseSchema } from '../../src/contracts/answer-check.ts'
import { answerColumns, answerSchema, AnswerSchemaError, type AnswerSchema } from '../../src/contracts/answer-schema.ts'

const NESTED: AnswerSchema = answerSchema.parse({
  type: 'object',
  required: ['condition', 'attachments'],
  properties: {
    condition: { type: 'string', enum: ['good', 'poor'], description: 'State.' },
    lean_degrees: { type: 'number', minimum: 0, maximum: 90 },
    notes: { type: 'string', maxLength: 120 },
    attachments: {
      type: 'array',
      maxItems: 3,
      description: 'What hangs on it.',
      items: {
        type: 'object',
        required: ['kind'],
        properties: {
          kind: { type: 'string' },
          count: { type: 'integer' },
          readings: {
            type: 'array',
            items: { type: 'object', properties: { label: { type: 'string' }, lit: { type: 'boolean' } } },
          },
        },
      },
    },
  },
})

describe('one schema', () => {
  test('becomes BigQuery columns, arrays of objects within arrays of objects too', () => {
    expect(answerColumns(NESTED)).toEqual([
      { name: 'condition', type: 'STRING', description: 'State.' },
      { name: 'lean_degrees', type: 'FLOAT64' },
      { name: 'notes', type: 'STRING' },
      {
        name: 'attachments',
        type: 'STRUCT',
        mode: 'REPEATED',
        description: 'What hangs on it.',
        columns: [
          { name: 'kind', type: 'STRING' },
          { name: 'count', type: 'INT64' },
          {
            name: 'readings',
            type: 'STRUCT',
            mode: 'REPEATED',
            columns: [
              { name: 'label', type: 'STRING' },
              { name: 'lit', type: 'BOOL' },
            ],
          },
        ],
      },
    ])
  })

  // https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference#schema
  test("becomes Gemini's response schema, in the profile's order, with optional members nullable", () => {
    expect(responseSchema(NESTED)).toEqual({
      type: 'OBJECT',
      required: ['condition', 'attachments'],
      propertyOrdering: ['condition', 'lean_degrees', 'notes', 'attachments'],
      properties: {
        condition: { type: 'STRING', format: 'enum', enum: ['good', 'poor'], description: 'State.' },
        lean_degrees: { type: 'NUMBER', minimum: 0, maximum: 90, nullable: true },
        notes: { type: 'STRING', nullable: true },
        attachments: {
          type: 'ARRAY',
          maxItems: '3',
          description: 'What hangs on it.',
          items: {
            type: 'OBJECT',
            required: ['kind'],
            propertyOrdering: ['kind', 'count', 'readings'],
            properties: {
              kind: { type: 'STRING' },
              count: { type: 'INTEGER', nullable: true },
              readings: {
                type: 'ARRAY',
                nullable: true,
                items: {
                  type: 'OBJECT',
                  propertyOrdering: ['label', 'lit'],
                  properties: { label: { type: 'STRING', nullable: true }, lit: { type: 'BOOLEAN', nullable: true } },
                },
              },
            },
          },
        },
      },
    })
  })
})

describe('a schema that Gemini or BigQuery cannot express is refused with its path:', () => {
  test.each([
    ['a scalar answer', { type: 'string' }, 'output'],
    [
      'an array of arrays',
      { type: 'object', properties: { a: { type: 'array', items: { type: 'array', items: { type: 'string' } } } } },
      'output.properties.a.items',
    ],
    ['an array without items', { type: 'object', properties: { a: { type: 'array' } } }, 'output.properties.a'],
    [
      'a struct without members',
      { type: 'object', properties: { a: { type: 'array', items: { type: 'object' } } } },
      'output.properties.a.items',
    ],
    [
      'a bad name, deep down',
      {
        type: 'object',
        properties: { a: { type: 'array', items: { type: 'object', properties: { 'b-c': { type: 'string' } } } } },
      },
      'output.properties.a.items.properties.b-c',
    ],
    [
      "a beginning that is BigQuery's own",
      { type: 'object', properties: { _TABLE_x: { type: 'string' } } },
      'output.properties._TABLE_x',
    ],
    [
      'an enum of numbers',
      { type: 'object', properties: { a: { type: 'integer', enum: ['1'] } } },
      'output.properties.a.enum',
    ],
    [
      'items of a text',
      { type: 'object', properties: { a: { type: 'string', items: { type: 'string' } } } },
      'output.properties.a.items',
    ],
    [
      'a minimum of a text',
      { type: 'object', properties: { a: { type: 'string', minimum: 1 } } },
      'output.properties.a.minimum',
    ],
    [
      'a minimum above the maximum',
      { type: 'object', properties: { a: { type: 'number', minimum: 2, maximum: 1 } } },
      'output.properties.a.minimum',
    ],
    ['structs 16 deep', deep(16), `output${'.properties.a'.repeat(15)}`],
  ])('%s', (_what, schema, path) => {
    const parsed = answerSchema.parse(schema)
    expect(() => answerColumns(parsed)).toThrow(AnswerSchemaError)
    expect(() => answerColumns(parsed)).toThrow(expect.objectContaining({ path }))
  })

  test('structs 15 deep are fine', () => {
    expect(answerColumns(answerSchema.parse(deep(15)))).toHaveLength(1)
  })
})

function deep(levels: number): object {
  return { type: 'object', properties: { a: levels === 1 ? { type: 'string' } : deep(levels - 1) } }
}

describe('an answer', () => {
  const cut = (text: string, characters: number): string =>
    text.length > characters ? `${text.slice(0, characters)}…` : text
  const check = async (answer: unknown) => (await answerCheck(NESTED, cut))(answer)
  const GOOD = { condition: 'good', attachments: [{ kind: 'lamp', count: 2, readings: [{ label: 'a', lit: true }] }] }

  test('that fits is kept as it is', async () => {
    expect(await check(GOOD)).toEqual({ columns: GOOD })
  })

  test('loses unrequested members at any depth, and nulls of optional members', async () => {
    expect(
      await check({ ...GOOD, status: 'ok', lean_degrees: null, attachments: [{ kind: 'lamp', count: null, x: 1 }] }),
    ).toEqual({
      columns: { condition: 'good', attachments: [{ kind: 'lamp' }] },
    })
  })

  test('has its long texts truncated, not dropped', async () => {
    expect(await check({ ...GOOD, notes: 'n'.repeat(1_000) })).toEqual({
      columns: { ...GOOD, notes: `${'n'.repeat(120)}…` },
    })
  })

  test.each([
    ['nothing', null, 'the answer is null, not an object'],
    ['an array', [{ condition: 'good' }], 'the answer is [{"condition":"good"}], not an object'],
    ['a missing member', { condition: 'good' }, 'attachments is missing'],
    ['a null that is required', { ...GOOD, condition: null }, 'condition is null, not a text'],
    ['another text', { ...GOOD, condition: 'so-so' }, 'condition is "so-so", not one of good, poor'],
    ['a missing member of a member', { ...GOOD, attachments: [{ count: 1 }] }, 'attachments.0.kind is missing'],
    ['a long text', { ...GOOD, condition: 'x'.repeat(200) }, `condition is "${'x'.repeat(79)}…, not one of good, poor`],
    ['a number as text', { ...GOOD, lean_degrees: '3' }, 'lean_degrees is "3", not a number'],
    ['too great a number', { ...GOOD, lean_degrees: 91 }, 'lean_degrees is 91, above the maximum 90'],
    [
      'a broken integer',
      { ...GOOD, attachments: [{ kind: 'a', count: 1.5 }] },
      'attachments.0.count is 1.5, not an integer',
    ],
    [
      'an integer that JSON does not carry',
      { ...GOOD, attachments: [{ kind: 'a', count: 2 ** 60 }] },
      'attachments.0.count is 1152921504606847000, above the maximum 9007199254740991',
    ],
    [
      'too many items',
      { ...GOOD, attachments: [1, 2, 3, 4].map(() => ({ kind: 'a' })) },
      'attachments has 4 items, more than 3',
    ],
  ])('with %s is refused with the path', async (_what, answer, fault) => {
    expect(await check(answer)).toEqual({ faults: expect.arrayContaining([fault]) })
  })

  test('cannot reach the prototype', async () => {
    expect(await check(JSON.parse('{"__proto__": {"condition": "good"}, "attachments": []}'))).toEqual({
      faults: ['condition is missing'],
    })
  })
})
