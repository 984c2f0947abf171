import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { ERROR_CODES, ImageryError } from '../../src/contracts/errors.ts'

const text = readFileSync(fileURLToPath(new URL('../../docs/errors.md', import.meta.url)), 'utf8')
const rows = new Map([...text.matchAll(/^\| `([A-Z_]+)` \| (\d+) \|/gm)].map(([, code, exit]) => [code, Number(exit)]))

test.each(ERROR_CODES)('%s is documented with its exit code', (code) => {
  expect(rows.get(code)).toBe(new ImageryError(code, '').exitCode)
})

test('no unknown code is documented', () => {
  const known: readonly string[] = [...ERROR_CODES, 'COMMAND_NOT_FOUND', 'BUG']
  expect([...rows.keys()].filter((code) => !known.includes(code ?? ''))).toEqual([])
})
