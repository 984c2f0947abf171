import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { ImageryError } from '../../src/contracts/errors.ts'
import { builtInProfiles, findProfile, profileText } from '../../src/profiles/built-in-profiles.ts'
import { resolveProfile } from '../../src/profiles/resolve-profile.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'imagery-profiles-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const at = path.join(folder, name)
  writeFileSync(at, text)
  return at
}

function refusal(nameOrPath: string): ImageryError {
  try {
    resolveProfile(nameOrPath)
  } catch (error) {
    if (error instanceof ImageryError) return error
    throw error
  }
  throw new Error(`accepted ${nameOrPath}`)
}

/** The problems of a profile text, without the file's path. */
function problems(text: string): string[] {
  const at = file('mine.yaml', text)
  const error = refusal(at)
  expect(error).toMatchObject({ code: 'INVALID_PROFILE', exitCode: 2 })
  return error.message.split('\n').map((line) => {
    expect(line.startsWith(`${at}:`)).toBe(true)
    return line.slice(at.length + 1)
  })
}

const HEAD = 'name: mine\ndescription: Mine.\nmodel: pixels\nmeasure: resolution\n'

test('a name without a file ending is a built-in profile', () => {
  expect(resolveProfile('resolution')).toEqual(findProfile('resolution'))
})

test.each(['yaml', 'yml', 'YAML'])("a user's own .%s file is read", (ending) => {
  const at = file(`own.${ending}`, `${HEAD}output:\n  type: object\n  properties:\n    width: {type: integer}\n`)
  expect(resolveProfile(at)).toEqual({
    name: 'mine',
    description: 'Mine.',
    model: 'pixels',
    measure: 'resolution',
    output: { type: 'object', properties: { width: { type: 'integer' } } },
  })
})

test('a JSON file is read', () => {
  const at = file('own.json', JSON.stringify(findProfile('image-quality'), null, 2))
  expect(resolveProfile(at)).toEqual(findProfile('image-quality'))
})

test.each(builtInProfiles())('the text of $name can be copied into a file unchanged', ({ name }) => {
  expect(resolveProfile(file(`copy-of-${name}.yaml`, profileText(name)))).toEqual(findProfile(name))
})

test('a file that does not exist is named', () => {
  expect(refusal(path.join(folder, 'nowhere.yaml'))).toMatchObject({
    code: 'FILE_NOT_FOUND',
    message: `Profile file ${path.join(folder, 'nowhere.yaml')} does not exist`,
  })
})

test("a folder with a file's name cannot be read", () => {
  mkdirSync(path.join(folder, 'folder.yaml'))
  expect(refusal(path.join(folder, 'folder.yaml'))).toMatchObject({ code: 'INVALID_PROFILE' })
})

test('all problems are listed at once, each with its line', () => {
  const text = [
    'name: Mine',
    'description: d',
    'model: gpt',
    'color: red',
    'output:',
    '  type: object',
    '  properties:',
    '    width:',
    '      type: integr',
    '      unit: px',
  ]
  expect(problems(text.join('\n'))).toEqual([
    '1: name: lower-case letters, digits and hyphens, beginning with a letter',
    expect.stringMatching(/^3: model: /),
    '4: color: is not a field of a profile',
    expect.stringMatching(/^9: output\.properties\.width\.type: /),
    '10: output.properties.width.unit: is not a field of a profile',
  ])
})

test.each([
  ['an empty file', '', ['1: the file is empty']],
  ['a list', '- a\n', [expect.stringMatching(/^1: is a list, not an object$/)]],
  ['a member that stands twice', 'name: a\ndescription: b\nname: c\n', [expect.stringMatching(/^3: .*unique/)]],
  [
    'two documents',
    'name: a\n---\nname: b\n',
    ['2: begins a second document; a profile is one, so remove the line of three dashes'],
  ],
  ['an alias to nothing', 'name: *x\n', [expect.stringMatching(/^1: .*alias/)]],
  [
    'a bomb of aliases',
    `a: &a [${Array(9).fill('x').join()}]\nb: &b [${Array(9).fill('*a').join()}]\nc: &c [${Array(9).fill('*b').join()}]\nd: [${Array(9).fill('*c').join()}]\n`,
    [expect.stringMatching(/^1: .*alias/)],
  ],
  [
    'a text that is nested too deep',
    `name: ${'['.repeat(20_000)}${']'.repeat(20_000)}`,
    [expect.stringMatching(/nested too deep/)],
  ],
  [
    'a member too many, a thousand times',
    Array.from({ length: 1_000 }, (_, index) => `key_${index}: 1\n`).join(''),
    expect.objectContaining({ length: 50 }),
  ],
])('%s is refused', (_what, text, expected) => {
  expect(problems(text)).toEqual(expected)
})

test('broken YAML is refused with the line where it breaks', () => {
  expect(problems('name: mine\ndescription: "open\n')).toEqual([expect.stringMatching(/^\d: .*quote/)])
})

test("imagery's own columns cannot be answer columns, in upper or lower case", () => {
  expect(
    problems(
      `${HEAD}output:\n  type: object\n  properties:\n    Status: {type: string}\n    asset_id: {type: string}\n`,
    ),
  ).toEqual([
    '8: output.properties.Status: is a column name that imagery reserves; choose another name',
    '9: output.properties.asset_id: is a column name that imagery reserves; choose another name',
  ])
})

test.each([
  ['    9lives: {type: integer}', /^8: output\.properties\.9lives: a column name has letters/],
  ['    images: {type: array}', /^8: output\.properties\.images: an array needs items/],
  ['    images: {type: array, items: {type: array, items: {type: string}}}', /^8: .*no arrays of arrays/],
  ['    images: {type: object}', /^8: .*at least one property/],
  ['    width: {type: integer}\n    Width: {type: integer}', /^9: .*differ only in case/],
])('a schema without a BigQuery column type is refused: %s', (property, problem) => {
  expect(problems(`${HEAD}output:\n  type: object\n  properties:\n${property}\n`)).toEqual([
    expect.stringMatching(problem),
  ])
})

test('a required column has to be one of the columns', () => {
  expect(
    problems(
      `${HEAD}output:\n  type: object\n  required:\n    - width\n    - depth\n  properties:\n    width: {type: integer}\n`,
    ),
  ).toEqual(['9: output.required.1: depth is not one of the properties'])
})

test('a column that the measurement does not return is refused', () => {
  const text = `${HEAD}output:
  type: object
  properties:
    widht: {type: integer}
    height: {type: string}
    megapixels: {type: number, maximum: 3}
    color_of_the_sky: {type: string}
    images:
      type: array
      items:
        type: object
        properties:
          format: {type: string, enum: [jpeg, png]}
          sharpness: {type: number}
`
  expect(problems(text)).toEqual([
    '8: output.properties.widht: is not measured by resolution; did you mean width?',
    '9: output.properties.height.type: is string, but resolution returns an integer here',
    '10: output.properties.megapixels.maximum: resolution returns what it measures and cannot enforce a limit',
    '11: output.properties.color_of_the_sky: is not measured by resolution, which returns width, height, megapixels, best_observation_id, images, unreadable_observation_ids',
    '17: output.properties.images.items.properties.format.enum: resolution returns what it measures and cannot enforce a limit',
    '18: output.properties.images.items.properties.sharpness: is not measured by resolution, which returns observation_id, width, height, format, bytes',
  ])
})
