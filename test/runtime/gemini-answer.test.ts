import { expect, test } from 'vitest'
import { isLooping } from '../../src/runtime/models/gemini-answer.ts'

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
