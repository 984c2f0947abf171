import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { about, IMAGE, post, startVertex, type Refusal, type Vertex } from './vertex-fixture.ts'

let vertex: Vertex

beforeAll(async () => {
  vertex = await startVertex({ script: 'seed: 1' })
})

afterAll(() => vertex.stop())

async function refused(body: unknown): Promise<Refusal> {
  const answer = await post(vertex, body)
  return { status: answer.status, ...((await answer.json()) as Pick<Refusal, 'error'>) }
}

const contents = about(IMAGE)
const json = { responseMimeType: 'application/json' }

describe('an answer schema', () => {
  const withSchema = (responseSchema: object) => ({ contents, generationConfig: { ...json, responseSchema } })
  const withJsonSchema = (responseJsonSchema: object) => ({
    contents,
    generationConfig: { ...json, responseJsonSchema },
  })
  let deep: object = { type: 'STRING' }
  for (let level = 0; level < 16; level++) deep = { type: 'ARRAY', items: deep }

  // https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/control-generated-output; js-genai#882 for the depth.
  it.each([
    ['of an object without properties', withSchema({ type: 'OBJECT' }), 'should be non-empty for OBJECT type'],
    ['of a list without items', withSchema({ type: 'ARRAY' }), 'missing the items field'],
    ['without a type', withSchema({ properties: { a: { type: 'STRING' } } }), "didn't specify the schema type field"],
    [
      'that requires an unknown property',
      withSchema({ type: 'OBJECT', properties: { a: { type: 'STRING' } }, required: ['b'] }),
      'property is not defined',
    ],
    [
      'with any_of and more',
      withSchema({ type: 'STRING', anyOf: [{ type: 'STRING' }] }),
      'specified other fields alongside any_of. When using any_of, it must be the only field set.',
    ],
    ['with an enum of numbers', withSchema({ type: 'INTEGER', enum: ['1'] }), 'schema type should be STRING'],
    [
      'that nests too deep',
      withSchema(deep),
      'A schema in GenerationConfig in the request exceeds the maximum allowed nesting depth.',
    ],
    [
      'for plain text',
      { contents, generationConfig: { responseSchema: { type: 'STRING' } } },
      'responseMimeType of text/plain',
    ],
    [
      'in both languages',
      {
        contents,
        generationConfig: { ...json, responseSchema: { type: 'STRING' }, responseJsonSchema: { type: 'string' } },
      },
      'both response_schema and response_json_schema',
    ],
    ['in JSON Schema with a pattern', withJsonSchema({ type: 'string', pattern: '^a' }), 'unsupported field pattern'],
    ['in JSON Schema without a type', withJsonSchema({ title: 'a' }), "didn't specify the schema type field"],
    ['in JSON Schema with a lost reference', withJsonSchema({ $ref: '#/$defs/a' }), 'which is not there'],
  ])('%s is refused', async (_, body, message) => {
    const { status, error } = await refused(body)
    expect(status).toBe(400)
    expect(error.message).toContain(message)
  })

  it('is accepted with every keyword of both schema languages', async () => {
    const openApi = {
      type: 'OBJECT',
      description: 'a pole',
      properties: {
        kind: { type: 'STRING', enum: ['wood', 'steel'], description: 'material' },
        count: { type: 'INTEGER', minimum: 0, maximum: 9 },
        height: { type: 'NUMBER', nullable: true },
        parts: {
          type: 'ARRAY',
          items: { type: 'OBJECT', properties: { name: { type: 'STRING' } }, required: ['name'] },
          minItems: 1,
          maxItems: 2,
        },
      },
      required: ['kind', 'count'],
      propertyOrdering: ['kind', 'count', 'height', 'parts'],
    }
    const jsonSchema = {
      $defs: {
        part: {
          type: 'object',
          properties: { name: { type: ['string', 'null'] } },
          required: ['name'],
          additionalProperties: false,
        },
      },
      type: 'object',
      properties: {
        kind: { type: 'string', enum: ['wood'] },
        parts: { type: 'array', items: { $ref: '#/$defs/part' } },
      },
      required: ['kind', 'parts'],
    }
    expect([
      (await post(vertex, withSchema(openApi))).status,
      (await post(vertex, withJsonSchema(jsonSchema))).status,
    ]).toEqual([200, 200])
  })
})
