import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { BEHAVIORS } from '../../src/services/self-test/self-test.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

interface Row {
  behavior: string
  source: string
  code: string
  test: string
  selfTest: string
  seen: string
}

function rows(): Row[] {
  const text = readFileSync(path.join(root, 'docs', 'google-behavior.md'), 'utf8')
  return text
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| behavior'))
    .map((line) => {
      const [behavior = '', source = '', code = '', check = '', selfTest = '', seen = ''] = line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim())
      return { behavior, source, code, test: check, selfTest, seen }
    })
}

/** The paths in a cell: code spans that have a folder and a file's extension. */
function paths(cell: string): string[] {
  return [...cell.matchAll(/`([\w@./-]+\/[\w./-]+\.\w+)`/g)].map(([, file]) => file ?? '')
}

test('every behavior has a source, the code that relies on it, and a test', () => {
  expect(rows().length).toBeGreaterThan(30)
  const incomplete = rows().filter(
    ({ source, code, test: check, seen }) => source === '' || code === '' || check === '' || seen === '',
  )
  expect(incomplete).toEqual([])
  expect(rows().filter(({ source }) => !/https:\/\/|#\d+|`[\w./-]+`/.test(source))).toEqual([])
})

test('the code and the tests that it names exist', () => {
  const missing = rows().flatMap(({ code, test: check }) =>
    [...paths(code), ...paths(check)].filter((file) => !existsSync(path.join(root, file))),
  )
  expect(missing).toEqual([])
  expect(rows().filter(({ code, test: check }) => paths(code).length === 0 || paths(check).length === 0)).toEqual([])
})

test('it names every check of the self-test, and no other', () => {
  const named = rows().flatMap(({ selfTest }) => [...selfTest.matchAll(/`([\w.]+)`/g)].map(([, id]) => id))
  expect(new Set(named)).toEqual(new Set(BEHAVIORS.map(({ id }) => id)))
  expect(named).toHaveLength(BEHAVIORS.length)
})
