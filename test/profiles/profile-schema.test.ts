import { readFileSync } from 'node:fs'
import path from 'node:path'
import { Ajv } from 'ajv'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { builtInFolder, builtInProfiles, profileText } from '../../src/profiles/built-in-profiles.ts'
import { profileJsonSchema, SCHEMA_FILE, withSchemaLine } from '../../src/profiles/profile-schema.ts'

const root = path.join(import.meta.dirname, '../..')
const published = readFileSync(path.join(root, SCHEMA_FILE), 'utf8')

test('the published schema is up to date (npm run docs)', () => {
  expect(JSON.parse(published)).toEqual(profileJsonSchema())
})

test('every part of it has a description for editors', () => {
  const { properties, definitions } = JSON.parse(published) as {
    properties: Record<string, { description?: string }>
    definitions: Record<string, { properties?: Record<string, { description?: string }> }>
  }
  const parts = [properties, ...Object.values(definitions).map((part) => part.properties ?? {})].flatMap((part) =>
    Object.entries(part),
  )
  expect(parts.filter(([, { description }]) => !description).map(([name]) => name)).toEqual([])
})

const valid = new Ajv({ strict: false }).compile(JSON.parse(published) as object)

test.each(builtInProfiles())('$name is valid under it', ({ name }) => {
  expect(valid(parse(profileText(name)))).toBe(true)
})

test.each([
  ['an unknown member', { color: 'red' }],
  ['an unknown model', { model: 'gpt' }],
  ['a temperature that is too high', { temperature: 3 }],
  [
    'a keyword of JSON Schema that cannot become a column',
    { output: { type: 'object', properties: { a: { anyOf: [] } } } },
  ],
])('%s is marked as invalid', (_what, change) => {
  expect(valid({ ...(parse(profileText('road-signs')) as object), ...change })).toBe(false)
})

test('built-in profiles name it on their first line', () => {
  for (const { name } of builtInProfiles()) {
    const [line = ''] = readFileSync(path.join(builtInFolder(), `${name}.yaml`), 'utf8').split('\n')
    expect(path.resolve(builtInFolder(), line.replace('# yaml-language-server: $schema=', ''))).toBe(
      path.join(root, SCHEMA_FILE),
    )
  }
})

test('a copy names it by a relative path if the package is below its folder, and otherwise by a full path', () => {
  const text = '# yaml-language-server: $schema=elsewhere\nname: x\n'
  expect(withSchemaLine(text, '/signs', '/signs/node_modules/imagery')).toBe(
    '# yaml-language-server: $schema=./node_modules/imagery/schemas/profile.schema.json\nname: x\n',
  )
  expect(withSchemaLine('name: x\n', '/home/me', '/opt/imagery')).toBe(
    '# yaml-language-server: $schema=/opt/imagery/schemas/profile.schema.json\nname: x\n',
  )
})
