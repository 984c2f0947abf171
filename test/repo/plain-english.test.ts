import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Words and phrases that CONTRIBUTING.md replaces by plainer ones, and British spellings. */
const AVOIDED: Record<string, RegExp> = {
  whoever: /\bwhoever\b/i,
  whom: /\bwhom\b/i,
  nobody: /\bnobody\b/i,
  somebody: /\bsomebody\b/i,
  anew: /\banew\b/i,
  likewise: /\blikewise\b/i,
  thereof: /\b(?:there|where)of\b/i,
  shall: /\bshall\b/i,
  'so many': /\bso many\b/i,
  'of which': /(?<!\beach )\bof which\b/i,
  'told of': /\btold of\b/i,
  'takes for': /\btak(?:es?|en) for\b/i,
  'takes further': /\btak(?:es?|en|ing)(?: \w+)? further\b/i,
  'has it done': /\bha(?:s|ve) it done\b/i,
  'what is gone': /\bwhat is gone\b/i,
  'but for': /\bbut for\b/i,
  'half way': /\bhalf way\b/i,
  'for ever': /\bfor ever\b/i,
  'e-mail': /\be-mail/i,
  behaviour: /behaviour/i,
  catalogue: /catalogue/i,
  centre: /\bcentre/i,
  colour: /\bcolour/i,
  grey: /\bgrey/i,
  honour: /\b(?:hon|fav)our/i,
  licence: /\blicences?\b/i,
  metre: /\b(?:centi|kilo)?metres?\b/i,
  neighbour: /neighbour/i,
  organisation: /\b(?:organ|recogn|serial|initial|normal)is(?:e|ing|ation)/i,
}

interface Line {
  place: string
  text: string
}

function linesOf(file: string): Line[] {
  return readFileSync(path.join(root, file), 'utf8')
    .split('\n')
    .map((text, index) => ({ place: `${file}:${index + 1}`, text }))
}

/** The pages for people. CONTRIBUTING.md's table of examples is left out: it shows the words to avoid. */
function pages(): string[] {
  const folders = ['docs', path.join('packages', 'local-cloud', 'docs')].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.md'))
      .map((file) => path.join(folder, file)),
  )
  return ['README.md', 'CONTRIBUTING.md', path.join('packages', 'local-cloud', 'README.md'), ...folders]
}

function isExample({ place, text }: Line): boolean {
  return place.startsWith('CONTRIBUTING.md:') && text.startsWith('| ')
}

function faultsIn(lines: readonly Line[]): string[] {
  return lines.flatMap((line) =>
    Object.entries(AVOIDED)
      .filter(([, pattern]) => pattern.test(line.text))
      .map(([word]) => `${line.place} says "${word}": ${line.text.trim()}`),
  )
}

/** Every text in a JSON value, with the path that leads to it. */
function textsIn(value: unknown, place: string): Line[] {
  if (typeof value === 'string') return [{ place, text: value }]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, each]) => textsIn(each, `${place} ${key}`))
}

/** TypeScript files below a folder. */
function sources(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => path.join(folder, file))
}

/** Names of tests, labels of their cases, and comments. Other text in a test is data. */
function isProse({ text }: Line): boolean {
  return (
    /(?:^|\s)\/\/ |^\s*(?:\/\*)?\* /.test(text) ||
    /\b(?:test|it|describe)(?:\.\w+)*\(.*['"`]/.test(text) ||
    /^\s*\].*\)\(['"`]/.test(text) ||
    /^\s*\[?(?:\w+: )?(['"])[^'"]* [^'"]*\1[,:]/.test(text)
  )
}

describe('plain English', () => {
  test.each(pages())('is what %s is written in', (file) => {
    expect(faultsIn(linesOf(file).filter((line) => !isExample(line)))).toEqual([])
  })

  test('finds each of the avoided words', () => {
    const sentence =
      'Whoever so many nobody somebody anew likewise that shall be is told of whom it has it done, of which thereof what is gone is taken for, and takes it further but for half way and for ever: e-mail, behaviour, catalogue, centre, colour, grey, honour, licence, metre, neighbour, organisation.'
    expect(faultsIn([{ place: 'here', text: sentence }])).toHaveLength(Object.keys(AVOIDED).length)
  })
})

describe('plain English in the help', () => {
  test('is what oclif.manifest.json is written in', () => {
    const { commands } = JSON.parse(readFileSync(path.join(root, 'oclif.manifest.json'), 'utf8')) as {
      commands: object
    }
    const texts = textsIn(commands, 'oclif.manifest.json')
    expect(texts.length).toBeGreaterThan(100)
    expect(faultsIn(texts)).toEqual([])
  })
})

describe('plain English in the code', () => {
  test.each(['src', 'packages/local-cloud/src', 'packages/local-cloud/scripts', 'scripts', 'samples', 'bench'])(
    'is what the comments and messages in %s are written in',
    (folder) => {
      expect(faultsIn(sources(folder).flatMap(linesOf))).toEqual([])
    },
  )

  test.each(['test', 'packages/local-cloud/test'])(
    'is what the names and comments of tests in %s are written in',
    (folder) => {
      const files = sources(folder).filter((file) => !file.endsWith('plain-english.test.ts'))
      const prose = files.flatMap(linesOf).filter(isProse)
      expect(prose.length).toBeGreaterThan(1_000)
      expect(faultsIn(prose)).toEqual([])
    },
  )
})
