import { describe, expect, test } from 'vitest'
import { isLooping, parseAnswer } from '../../src/runtime/models/gemini-answer.ts'

describe('a model’s text', () => {
  test.each([
    ['{"a": 1}', { a: 1 }, false],
    ['\n  {"a": 1}\n', { a: 1 }, false],
    ['```json\n{"a": 1}\n```', { a: 1 }, false],
    ['```\r\n{"a": 1}\r\n```', { a: 1 }, false],
    ['```JSON\n{"a": "```"}\n```', { a: '```' }, false],
    ['{"a": 1,}', { a: 1 }, true],
    ['{"a": 1, // one\n "b": [1, 2,],}', { a: 1, b: [1, 2] }, true],
    ["{'a': 'x'}", { a: 'x' }, true],
    ['{a: 1}', { a: 1 }, true],
    ['Here it is:\n{"a": 1}\nI hope that helps.', { a: 1 }, true],
    ['Here it is:\n```json\n{"a": 1}\n```\nThat is all.', { a: 1 }, true],
    ['{"a": "one\ntwo"}', { a: 'one\ntwo' }, true],
    ['[{"a": 1}]', { a: 1 }, true],
    ['[1]', [1], false],
    ['null', null, false],
  ])('%j is %j, repaired %s', async (text, value, repaired) => {
    expect(await parseAnswer(text)).toEqual({ value, repaired })
  })

  test('that cannot be repaired says why', async () => {
    expect(await parseAnswer('}{')).toEqual({ malformed: expect.stringMatching(/./) })
  })
})

test.each([
  ['0'.repeat(300), true],
  [`{"x": 1.${'3'.repeat(250)}`, true],
  [`{"note": "${'wire pole '.repeat(40)}`, true],
  [`${'wire pole '.repeat(40)}"and an end that is not like it at all"`, false],
  ['wire pole '.repeat(5), false],
  [
    '{"note": "A long but ordinary description of a street, with a pole, a lamp, two signs, a tree, a parked car and a bench beside it, on which someone left a newspaper, some gloves and a cup of coffee from the shop over the road',
    false,
  ],
  ['', false],
])('%j repeats itself: %s', (text, looping) => {
  expect(isLooping(text)).toBe(looping)
})
