import { describe, expect, test } from 'vitest'
import { isDeeper, parseJson } from '../../src/kernel/json-text.ts'

describe('JSON from outside', () => {
  test('is read up to a hundred levels and refused beyond, at any depth', () => {
    const lists = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
    expect(parseJson(lists(100))).toBeInstanceOf(Array)
    expect(() => parseJson(lists(101))).toThrow(new SyntaxError('Message too deep. Max recursion depth reached'))
    expect(() => parseJson(lists(1_000_000))).toThrow(SyntaxError)
    expect(() => parseJson('{"a":'.repeat(100_000))).toThrow(/too deep/)
  })

  test('does not count brackets inside strings as levels', () => {
    const inText = JSON.stringify({ text: `${'['.repeat(500)}"${'{'.repeat(500)}\\\\`, after: [[1]] })
    expect(isDeeper(inText, 3)).toBe(false)
    expect(isDeeper(inText, 2)).toBe(true)
    expect(isDeeper(`[${'[1],'.repeat(500)}[1]]`, 2)).toBe(false)
    expect(isDeeper(`"${'['.repeat(500)}`, 2)).toBe(false)
  })
})
