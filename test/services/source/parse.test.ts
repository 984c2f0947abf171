import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseOutput } from '../../../src/services/options/run-options.ts'
import { checkFetchImages, parseSource } from '../../../src/services/source/parse.ts'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-source-'))
  await mkdir(path.join(folder, 'photos'))
  for (const file of ['signs.csv', 'signs.JSONL', 'signs.ndjson', 'signs.parquet', 'signs.txt', 'signs']) {
    await writeFile(path.join(folder, file), 'x')
  }
  await writeFile(path.join(folder, 'empty.jsonl'), '')
})

afterAll(() => rm(folder, { recursive: true }))

describe('--table', () => {
  test.each([
    ['signs.csv', 'CSV'],
    ['signs.JSONL', 'NEWLINE_DELIMITED_JSON'],
    ['signs.ndjson', 'NEWLINE_DELIMITED_JSON'],
    ['signs.parquet', 'PARQUET'],
  ])('accepts %s as a file, with its images next to it', async (name, format) => {
    const given = path.join(folder, name)
    expect(await parseSource(given)).toEqual({ kind: 'file', given, file: given, format, imageFolder: folder })
  })

  test('accepts a folder of images', async () => {
    const given = path.join(folder, 'photos')
    expect(await parseSource(given)).toEqual({ kind: 'folder', given, folder: given })
  })

  test.each([
    ['my-project.city.signs', { projectId: 'my-project', dataset: 'city', table: 'signs' }],
    ['example.com:my-project.city.signs', { projectId: 'example.com:my-project', dataset: 'city', table: 'signs' }],
    // Table ids may have dashes, spaces and letters of any language: https://cloud.google.com/bigquery/docs/tables#table_naming
    ['my-project.city.Straßen schilder-2', { projectId: 'my-project', dataset: 'city', table: 'Straßen schilder-2' }],
  ])('accepts %s as a BigQuery table', async (given, table) => {
    expect(await parseSource(given)).toEqual({ kind: 'table', given, table })
  })

  test.each([
    'city.signs',
    'My-Project.city.signs',
    'my-project.city.signs.more',
    'my-project.city.si`gns',
    '',
    '`my-project.city.signs`',
  ])('does not accept %o as a table', async (given) => {
    await expect(parseSource(given)).rejects.toMatchObject({ code: 'INVALID_FLAG' })
  })

  test.each([
    ['signs.txt', 'SOURCE_UNSUPPORTED'],
    ['signs', 'SOURCE_UNSUPPORTED'],
    ['empty.jsonl', 'NO_ASSETS'],
    ['missing.jsonl', 'FILE_NOT_FOUND'],
    ['signs.csv/below-a-file.csv', 'FILE_NOT_FOUND'],
    ['missing', 'FILE_NOT_FOUND'],
  ])('refuses the file %s with %s and its name', async (name, code) => {
    const given = path.join(folder, name)
    await expect(parseSource(given)).rejects.toMatchObject({ code, message: expect.stringContaining(given) })
  })
})

describe('--output', () => {
  test.each([
    [undefined, {}],
    ['city', { dataset: 'city' }],
    ['city.signs-2', { dataset: 'city', table: 'signs-2' }],
  ])('%s names %o', (output, named) => {
    expect(parseOutput(output)).toEqual(named)
  })

  test.each(['', '.', 'city.', '.signs', 'my-project.city.signs', 'ci-ty', 'city.si`gns', 'city.si gns'])(
    '%o is refused',
    (output) => {
      expect(() => parseOutput(output)).toThrow(expect.objectContaining({ code: 'INVALID_FLAG' }))
    },
  )
})

test('images are fetched only for a local table and a local cloud, and the error says what to do instead', () => {
  const table = { kind: 'table', given: 'p.d.t', table: { projectId: 'p', dataset: 'd', table: 't' } } as const
  const folder = { kind: 'folder', given: 'photos', folder: '/photos' } as const
  expect(() => checkFetchImages(folder, { local: true })).not.toThrow()
  expect(() => checkFetchImages(table, { local: true })).toThrow(
    /^--fetch-images works only .*; p\.d\.t is in BigQuery\./,
  )
  expect(() => checkFetchImages(folder, {})).toThrow(
    /on Google Cloud, .* https:\/\/cloud\.google\.com\/storage-transfer/,
  )
})
