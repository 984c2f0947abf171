import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ImageryError } from '../../../src/contracts/errors.ts'
import { LAST_GEMINI_FILE } from '@imagery/local-cloud/contract/last-gemini'
import { resolveGeminiBackend } from '../../../src/services/session/gemini-availability.ts'
import { geminiSpec } from '../../runtime/gemini-fixtures.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'imagery-credentials-'))
afterAll(() => rmSync(folder, { recursive: true }))

const dataDirectory = path.join(folder, 'cloud')
const nothing = { HOME: path.join(folder, 'home') }
const { gemini } = geminiSpec()
const ask = (
  flag?: string,
  environment: NodeJS.ProcessEnv = nothing,
  model: Parameters<typeof resolveGeminiBackend>[0] = gemini,
) => resolveGeminiBackend(model, { dataDirectory, flag, flags: ' --local', environment })

test('without credentials or a stand-in, the error lists the options, and nothing is created', async () => {
  const error = await ask().then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(ImageryError)
  const { code, message, suggestions } = error as ImageryError
  expect(code).toBe('NOT_AVAILABLE')
  expect(message).toContain('Nothing answers calls to gemini-3.5-flash-lite')
  for (const way of [
    '--gemini replay:',
    '--gemini script:',
    'gcloud auth application-default login',
    '--profile image-quality',
  ]) {
    expect(suggestions.join('\n')).toContain(way)
  }
  expect(readdirSync(folder)).toEqual([])
})

test('a stand-in answers', async () => {
  const file = path.join(folder, 'answers.jsonl')
  writeFileSync(file, '')
  expect(await ask(`replay:${file}`)).toEqual({ gemini: `replay:${file}` })
  expect(await ask('forward')).toEqual({ gemini: 'forward' })
})

test.each(['replay', 'record:x', 'replay:', 'Forward'])('--gemini %s is refused', async (flag) => {
  await expect(ask(flag)).rejects.toMatchObject({ code: 'INVALID_FLAG' })
})

test('a stand-in’s file must exist', async () => {
  await expect(ask(`script:${path.join(folder, 'nowhere.yaml')}`)).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
})

// https://cloud.google.com/docs/authentication/application-default-credentials#order
test.each([
  [
    'named by GOOGLE_APPLICATION_CREDENTIALS',
    'key.json',
    (file: string) => ({ ...nothing, GOOGLE_APPLICATION_CREDENTIALS: file }),
  ],
  ['of gcloud', 'a/.config/gcloud/application_default_credentials.json', () => ({ HOME: path.join(folder, 'a') })],
  [
    'of gcloud with a folder of its own',
    'b/application_default_credentials.json',
    () => ({ ...nothing, CLOUDSDK_CONFIG: path.join(folder, 'b') }),
  ],
])('with credentials %s the real Vertex AI answers', async (_what, name, environment) => {
  const file = path.join(folder, name)
  mkdirSync(path.dirname(file), { recursive: true })
  writeFileSync(file, '{}')
  expect(await ask(undefined, environment(file))).toEqual({ gemini: 'forward' })
})

test('a run without Gemini, with its own endpoint, or with an unknown model needs no stand-in', async () => {
  expect(await ask(undefined, nothing, null)).toEqual({})
  expect(await ask(undefined, nothing, geminiSpec({ endpoint: 'http://127.0.0.1:1' }).gemini)).toEqual({})
  expect(await ask(undefined, nothing, 'unknown')).toEqual({})
})

describe('a command that starts no run', () => {
  const keys = path.join(folder, 'own', 'application_default_credentials.json')
  const credentials = { ...nothing, CLOUDSDK_CONFIG: path.dirname(keys) }
  const last = (gemini: unknown): void => {
    mkdirSync(dataDirectory, { recursive: true })
    writeFileSync(path.join(dataDirectory, LAST_GEMINI_FILE), JSON.stringify({ gemini }))
  }
  beforeAll(() => {
    mkdirSync(path.dirname(keys), { recursive: true })
    writeFileSync(keys, '{}')
  })
  afterAll(() => rmSync(dataDirectory, { recursive: true }))

  test.each([
    ['a stand-in', 'script:/data/a.yaml', { again: 'script:/data/a.yaml' }, { again: 'script:/data/a.yaml' }],
    ['the real Vertex AI, only to continue a run', 'forward', {}, { again: 'forward' }],
    ['nothing that it does not know', 'oracle', {}, {}],
    ['nothing that is no text', 5, {}, {}],
  ])('starts the local cloud with what answered last: %s', async (_what, gemini, forStatus, forResume) => {
    last(gemini)
    expect(await ask(undefined, credentials, null)).toEqual(forStatus)
    expect(await ask(undefined, credentials, 'unknown')).toEqual(forResume)
  })

  test('never sends a scripted run to the real Vertex AI, although there are credentials', async () => {
    rmSync(path.join(dataDirectory, LAST_GEMINI_FILE))
    expect(await ask(undefined, credentials, 'unknown')).toEqual({})
    last('script:/data/a.yaml')
    expect(await ask('forward', credentials, 'unknown')).toEqual({ gemini: 'forward' })
  })

  test('does not bill without credentials, and a new run does not take what answered last', async () => {
    last('forward')
    expect(await ask(undefined, nothing, 'unknown')).toEqual({})
    last('script:/data/a.yaml')
    await expect(ask()).rejects.toMatchObject({ code: 'NOT_AVAILABLE' })
    expect(await ask(undefined, credentials)).toEqual({ gemini: 'forward' })
  })
})
