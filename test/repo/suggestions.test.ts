import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { suggestedCommand } from '../../src/contracts/suggested-command.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

const { commands } = JSON.parse(readFileSync(path.join(root, 'oclif.manifest.json'), 'utf8')) as {
  commands: Record<string, { flags: Record<string, { char?: string }> }>
}

const flagsOf = new Map(Object.entries(commands).map(([id, { flags }]) => [id.replace(':', ' '), flags]))

/** Names of the flags in a command line. */
const flagsIn = (line: string): string[] => [...line.matchAll(/(?<=\s)--([a-z][a-z-]*)/g)].map(([, name]) => name!)

describe.each([...flagsOf.keys()])('a suggestion of imagery %s', (words) => {
  const known = Object.keys(flagsOf.get(words)!)

  test('has the flags that select a local cloud, if the command accepts them', () => {
    const given = flagsIn(suggestedCommand(words, ' --local --data-dir x --name n'))
    expect(known).toEqual(expect.arrayContaining(given))
    expect(given.includes('data-dir')).toBe(known.includes('data-dir'))
    expect(given.includes('name')).toBe(known.includes('name') && known.includes('local'))
  })

  test('has the flags that select a project, if the command accepts them', () => {
    const given = flagsIn(suggestedCommand(words, ' --project p --region r --name n'))
    expect(given).toEqual(['project', 'region', 'name'].filter((name) => known.includes(name)))
  })
})

interface Line {
  place: string
  text: string
}

/** Lines of code, without comments and without what only help shows. */
function linesOf(folders: readonly string[]): Line[] {
  const files = folders.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .map((file) => path.join(folder, file)),
  )
  return files.flatMap((file) =>
    readFileSync(path.join(root, file), 'utf8')
      .split('\n')
      .map((text, index) => ({ place: `${file}:${index + 1}`, text }))
      .filter(({ text }) => !/^\s*(?:\/\/|\/?\*)|\b(?:summary|description)\b/.test(text)),
  )
}

/** A command as a text begins with it, or a line of the text. */
const COMMAND = /(?:['"`]|\\n\s*)imagery ((?:local |profiles |config )?[a-z]+)(?![\w-])([^'"`\n]*)/g

const commandsIn = ({ text }: Line): { words: string; rest: string }[] =>
  [...text.matchAll(COMMAND)].map(([, words = '', rest = '']) => ({ words, rest }))

test('printed commands come from the one function that adds their flags', () => {
  // Those in an error's suggestions pass through it when the error is shown.
  const raw = linesOf(['src/cli', 'src/commands', 'src/ui']).filter(
    (line) => !line.text.includes('suggestions:') && commandsIn(line).some(({ words }) => flagsOf.has(words)),
  )
  expect(raw).toEqual([])
})

test('the local cloud suggests no command without its data folder', () => {
  const raw = linesOf(['packages/local-cloud/src']).filter((line) =>
    commandsIn(line).some(({ words }) => flagsOf.has(words)),
  )
  expect(raw).toEqual([])
})

test('every suggested command exists, with each of its flags', () => {
  const lines = linesOf([
    'src/cli',
    'src/commands',
    'src/ui',
    'src/services',
    'src/google',
    'src/profiles',
    'src/contracts',
  ])
  const found = lines.flatMap((line) =>
    commandsIn(line)
      // A sentence may begin with the program's name.
      .filter(({ words, rest }) => flagsOf.has(words) || / --/.test(rest))
      .map((command) => ({ ...command, place: line.place })),
  )
  expect(found.length).toBeGreaterThan(20)
  const wrong = found.filter(({ words, rest }) => {
    const known = flagsOf.get(words)
    return !known || flagsIn(rest.split(/ -- | \(/, 1)[0]!).some((name) => name !== 'help' && !(name in known))
  })
  expect(wrong).toEqual([])
})
