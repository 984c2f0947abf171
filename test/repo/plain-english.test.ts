import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Words and turns that CONTRIBUTING.md replaces by plainer ones, and British spellings. */
const AVOIDED: Record<string, RegExp> = {
  whoever: /\bwhoever\b/i,
  nobody: /\bnobody\b/i,
  anew: /\banew\b/i,
  likewise: /\blikewise\b/i,
  'so many': /\bso many\b/i,
  'that shall': /\bthat shall\b/i,
  'is told of': /\b(?:is|are) told of\b/i,
  whom: /\bwhom\b/i,
  'has it done': /\bha(?:s|ve) it done\b/i,
  behaviour: /behaviour/i,
  organisation: /organisation/i,
  licence: /\blicences?\b/i,
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

describe('plain English', () => {
  test.each(pages())('is what %s is written in', (file) => {
    expect(faultsIn(linesOf(file).filter((line) => !isExample(line)))).toEqual([])
  })

  test('finds each of the avoided words', () => {
    const sentence =
      'Whoever so many nobody anew likewise that shall be is told of whom it has it done: behaviour, organisation, licence.'
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
