import { describe, expect, test } from 'vitest'
import { ImageryError } from '../../src/contracts/errors.ts'
import type { Profile } from '../../src/contracts/run-spec.ts'
import { checkChoices, checkProfile, schemaWarnings } from '../../src/profiles/profile-check.ts'
import { parseProfile } from '../../src/profiles/profile-text.ts'
import { checkProfileModel } from '../../src/services/options/model-check.ts'

const HEAD = 'name: mine\ndescription: Mine.\nprompt: What?\n'

function problems(text: string): string[] {
  const check = (parsed: Profile) => [...checkProfile(parsed), ...checkChoices(parsed), ...checkProfileModel(parsed)]
  try {
    parseProfile(text, 'mine.yaml', check)
  } catch (error) {
    if (error instanceof ImageryError) return error.message.split('\n').map((line) => line.slice('mine.yaml:'.length))
    throw error
  }
  return []
}

test('problems of every kind are found in one pass, with their lines', () => {
  const text = `name: mine
description: Mine.
model: gemini-3.5-flash
promt: What?
max_per_unit: 3
unit: obsevation
thinking: higher
output:
  type: object
  required: [kind, size]
  prompt: What?
  height: {type: number}
  properties:
    kind: {type: string, enum: [pole, pole, "", null, 3, true]}
    size: {type: [number, "null"]}
    count: {type: integr}
    height: {type: [integer, string]}
    note: {type: string, max_length: 200}
    status: {type: string}
    tags: {type: array}
`
  expect(problems(text)).toEqual([
    '1: prompt: is missing; a Gemini model needs a prompt',
    '4: promt: is not a field of a profile; did you mean prompt?',
    '5: max_per_unit: is not a field here; it belongs under images',
    '6: unit: is "obsevation", not one of asset, observation; did you mean observation?',
    '7: thinking: is "higher", not one of minimal, low, medium, high; did you mean high?',
    '11: output.prompt: is not a field here; it belongs at the top of the profile',
    '12: output.height: is not a field here; it belongs under output.properties',
    '14: output.properties.kind.enum.2: is empty; leave it out, because a property that is not required can already be null',
    '14: output.properties.kind.enum.3: is null; leave it out, because a property that is not required can already be null',
    '14: output.properties.kind.enum.4: is 3, not a text; write it in quotes: "3"',
    '14: output.properties.kind.enum.5: is true, not a text; write it in quotes: "true"',
    '15: output.properties.size.type: is a list of types, but a BigQuery column has one type; leave null out, because a property that is not required can already be null',
    '16: output.properties.count.type: is "integr", not one of object, array, string, integer, number, boolean; did you mean integer?',
    '17: output.properties.height.type: is a list of types, but a BigQuery column has one type; choose one, string if the values differ',
    '18: output.properties.note.max_length: is not a field of a profile; did you mean maxLength?',
    '19: output.properties.status: is a column name that imagery reserves; choose another name',
    '20: output.properties.tags: an array needs items',
  ])
})

test.each([
  [
    'a prompt that is a number',
    'prompt: 7\noutput: {type: object, properties: {a: {type: string}}}',
    /^3: prompt: is 7, not a text/,
  ],
  [
    'a low number',
    `images: {max_per_unit: 0}\nprompt: x\noutput: {type: object, properties: {a: {type: string}}}`,
    /^3: images.max_per_unit: is 0, below the minimum 1/,
  ],
  [
    'a high number',
    `temperature: 3\nprompt: x\noutput: {type: object, properties: {a: {type: string}}}`,
    /^3: temperature: is 3, above the maximum 2/,
  ],
  [
    'an empty enum',
    'prompt: x\noutput: {type: object, properties: {a: {type: string, enum: []}}}',
    /^4: output.properties.a.enum: is empty/,
  ],
  [
    'schema fields at the top',
    'prompt: x\nproperties: {a: {type: string}}\noutput: {type: object, properties: {a: {type: string}}}',
    /^4: properties: is not a field here; it belongs under output/,
  ],
  [
    'properties that are a list',
    'prompt: x\noutput: {type: object, properties: [a]}',
    /^4: output.properties: is a list, not an object/,
  ],
  [
    'a model that is nearly one',
    'model: gemni-3.5-flash\nprompt: x\noutput: {type: object, properties: {a: {type: string}}}',
    /^3: model: pixels, or a Gemini model ID .*; did you mean gemini-3.5-flash\?/,
  ],
  [
    'a retired model',
    'model: gemini-2.0-flash\nprompt: x\noutput: {type: object, properties: {a: {type: string}}}',
    /^3: model: gemini-2.0-flash was retired by Google on 2026-02-05; its successor is gemini-3.5-flash-lite, /,
  ],
  [
    'a choice that YAML reads as a number',
    'prompt: x\noutput: {type: object, properties: {a: {type: string, enum: [b, 007]}}}',
    /^4: output.properties.a.enum.1: is 007, not a text; write it in quotes: "007"$/,
  ],
  [
    'a choice that is there twice',
    'prompt: x\noutput: {type: object, properties: {a: {type: string, enum: [b, c, b]}}}',
    /^4: output.properties.a.enum.2: "b" is there twice/,
  ],
])('%s is said in plain words', (_what, text, problem) => {
  expect(problems(`name: mine\ndescription: Mine.\n${text}\n`)).toEqual([expect.stringMatching(problem)])
})

test('a faulty part causes no other problem', () => {
  const output = 'output: {type: object, required: [a], properties: {a: {type: strin}}}'
  expect(problems(`${HEAD}${output}\n`)).toEqual([expect.stringMatching(/^4: output.properties.a.type: is "strin"/)])
  expect(problems('name: Mine\n')).toEqual([
    expect.stringMatching(/^1: name: lower-case/),
    '1: description: is missing',
    '1: output: is missing',
    '1: prompt: is missing; a Gemini model needs a prompt',
  ])
})

describe('a schema that Gemini may refuse is named before it costs anything', () => {
  const warnings = (property: object) =>
    schemaWarnings({
      name: 'mine',
      description: 'Mine.',
      output: { type: 'object', properties: { a: property as Profile['output'] } },
    })
  const text = { type: 'string' }

  test.each([
    [
      'a long enum',
      { type: 'string', enum: Array.from({ length: 501 }, String) },
      /output.properties.a.enum has 501 values/,
    ],
    [
      'a large array',
      { type: 'array', maxItems: 5_000, items: text },
      /output.properties.a.maxItems allows 5,000 items/,
    ],
    [
      'nested arrays',
      {
        type: 'array',
        maxItems: 50,
        items: { type: 'object', properties: { b: { type: 'array', maxItems: 50, items: text } } },
      },
      /output.properties.a.items.properties.b.maxItems allows 2,500 items/,
    ],
  ])('%s', (_what, property, warning) => {
    expect(warnings(property)).toEqual([expect.stringMatching(warning)])
  })

  test('and an ordinary one is not', () => {
    expect(warnings({ type: 'array', maxItems: 50, items: { type: 'string', enum: ['a', 'b'] } })).toEqual([])
  })
})

test.each([
  ['is missing', ''],
  ['is a text', 'output: kind\n'],
  ['has no properties', 'output: {type: object}\n'],
  ['has properties that are a list', 'output: {type: object, properties: [kind]}\n'],
])('an output that %s hides no problem of the other fields', (_what, output) => {
  const found = problems(
    `name: Mine\ndescription: Mine.\nprompt: What?\nmeasure: resolution\n${output}where: "a = 'open"\n`,
  )
  const fields = found.map((line) => /^\d+: (\w+)/.exec(line)?.[1])
  expect(new Set(fields)).toEqual(new Set(['name', 'measure', 'output', 'where']))
})
