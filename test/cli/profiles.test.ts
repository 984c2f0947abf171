import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newUser, type ImageryUser } from './imagery-process.ts'

let user: ImageryUser

beforeAll(async () => {
  user = await newUser({ isWarm: true })
})

afterAll(() => user.leave())

test('init writes a valid profile named after the file, and shows what to do next', async () => {
  const written = await user.run(['profiles', 'init', 'My Hydrants.yaml', '--from', 'road-signs'])
  expect(written).toMatchObject({ exitCode: 0, stderr: '' })
  expect(written.stdout).toContain("imagery profiles validate 'My Hydrants.yaml'")
  const text = await readFile(path.join(user.folder, 'My Hydrants.yaml'), 'utf8')
  expect(text.split('\n')[0]).toMatch(/^# yaml-language-server: \$schema=\S+profile\.schema\.json$/)
  expect(text).toMatch(/^name: my-hydrants$/m)

  const validated = await user.run(['profiles', 'validate', 'My Hydrants.yaml', '--json'])
  expect(validated.exitCode).toBe(0)
  expect(validated.json()).toMatchObject({
    valid: true,
    name: 'my-hydrants',
    model: 'gemini-3.5-flash-lite',
    columns: expect.arrayContaining([expect.objectContaining({ name: 'category', type: 'STRING' })]) as object[],
  })
})

test('init overwrites nothing', async () => {
  const file = path.join(user.folder, 'mine.yaml')
  await writeFile(file, 'mine')
  const { exitCode, error } = await user.run(['profiles', 'init', 'mine.yaml', '--json']).then((outcome) => ({
    exitCode: outcome.exitCode,
    error: outcome.error(),
  }))
  expect([exitCode, error.code]).toEqual([1, 'OUTPUT_EXISTS'])
  expect(await readFile(file, 'utf8')).toBe('mine')
})

test('validate lists every problem of a profile with its line, path and reason', async () => {
  const text = [
    'name: broken',
    'description: d',
    'prompt: p',
    'output:',
    '  type: object',
    '  properties:',
    '    parts:',
    '      type: array',
    '      items:',
    '        type: object',
    '        properties:',
    '          width: {type: integr}',
    '          all: {anyOf: []}',
  ]
  await writeFile(path.join(user.folder, 'broken.yaml'), text.join('\n'))
  const { exitCode, stderr, stdout } = await user.run(['profiles', 'validate', 'broken.yaml'])
  expect([exitCode, stdout]).toEqual([2, ''])
  const told = stderr.replaceAll(/\s+/g, ' ')
  expect(told).toContain('broken.yaml')
  expect(told).toMatch(/12: output\.properties\.parts\.items\.properties\.width\.type: \S+/)
  expect(told).toMatch(/13: output\.properties\.parts\.items\.properties\.all\.?\S*: \S+/)
})

test('a run with an invalid profile is refused just as early, with the same details', async () => {
  const outcome = await user.run(['run', '--local', '--table', 'none.jsonl', '--profile', 'broken.yaml', '--json'])
  expect([outcome.exitCode, outcome.error().code]).toEqual([2, 'INVALID_PROFILE'])
  expect(outcome.error().message).toContain('output.properties.parts.items.properties.width.type')
})

test.each([
  ['gemini-3.5-flahs', /Did you mean gemini-3.5-flash\? If it is newer, a run needs --prices FILE/],
  ['gemini-9-ultra', /Model gemini-9-ultra is unknown as of 20\d\d-\d\d-\d\d\. .*a run needs --prices FILE/],
  ['gemini-3.8-flash', /imagery has no list price for gemini-3.8-flash; a run needs --prices FILE/],
])('validate warns of the model %s', async (model, warning) => {
  await writeFile(path.join(user.folder, 'model.yaml'), PROFILE.replace('MODEL', model))
  const { exitCode, warnings } = await user.run(['profiles', 'validate', 'model.yaml', '--json'])
  expect([exitCode, warnings()]).toEqual([0, [expect.stringMatching(warning)]])
})

test('validate refuses a retired model, with its successor and what that costs', async () => {
  await writeFile(path.join(user.folder, 'model.yaml'), PROFILE.replace('MODEL', 'gemini-2.5-flash'))
  const outcome = await user.run(['profiles', 'validate', 'model.yaml', '--json'])
  expect([outcome.exitCode, outcome.error().message]).toEqual([
    2,
    expect.stringMatching(/retired by Google .* gemini-3.5-flash-lite, which costs the same per token/) as string,
  ])
})

test('models lists the default first, and one model with its sources', async () => {
  const list = await user.run(['models', '--json'])
  expect([list.exitCode, list.warnings()]).toEqual([0, []])
  expect(list.json()).toMatchObject({
    default: 'gemini-3.5-flash-lite',
    models: expect.arrayContaining([expect.objectContaining({ state: 'retired' })]) as object[],
  })
  const shown = await user.run(['models', 'gemini-3.5-flash-lite'])
  expect([shown.exitCode, shown.stderr]).toEqual([0, ''])
  expect(shown.stdout).toMatch(/Standard +\$0.30 input, \$2.50 output per million tokens\n +https:\/\/\S+pricing\n/)
  const typed = await user.run(['models', 'gemini-3.5-flahs', '--json'])
  expect([typed.exitCode, typed.error().suggestions]).toEqual([
    2,
    ['imagery models gemini-3.5-flash', 'imagery models'],
  ])
})

const PROFILE = [
  'name: signs',
  'description: d',
  'prompt: p',
  'model: MODEL',
  'output: {type: object, properties: {kind: {type: string, description: the kind}}}',
].join('\n')
