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
    'my-project:city.signs',
    '[my-project:city.signs]',
    '`my-project.city.signs`',
    '`my-project`.city.`signs`',
    '`my-project.city`.signs',
    '`my-project:city.signs`',
    '"my-project.city.signs"',
    ' my-project.city.signs;',
    'bq://my-project.city.signs',
    'projects/my-project/datasets/city/tables/signs',
    '//bigquery.googleapis.com/projects/my-project/datasets/city/tables/signs',
  ])('accepts %o, as other programs write it', async (given) => {
    const table = { projectId: 'my-project', dataset: 'city', table: 'signs' }
    expect(await parseSource(given)).toEqual({ kind: 'table', given, table })
  })

  test('accepts a project with a domain in legacy SQL', async () => {
    const table = { projectId: 'example.com:my-project', dataset: 'city', table: 'signs' }
    expect(await parseSource('[example.com:my-project:city.signs]')).toMatchObject({ table })
  })

  test('keeps the partition that a decorator names, for the filter that reads it', async () => {
    const table = { projectId: 'my-project', dataset: 'city', table: 'obs' }
    expect(await parseSource('my-project:city.obs$20260914')).toMatchObject({ table, partition: '20260914' })
  })

  test.each(['obs_*', '*'])('accepts the wildcard %s, as BigQuery does', async (table) => {
    const expected = { table: { projectId: 'my-project', dataset: 'city', table } }
    expect(await parseSource(`my-project.city.${table}`)).toMatchObject(expected)
    expect(await parseSource(`\`my-project.city.${table}\``)).toMatchObject(expected)
  })

  test('accepts a table whose name looks like that of a file, in the form that it names', async () => {
    await expect(parseSource('my-project.city.csv')).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
      suggestions: ['ls .', expect.stringMatching(/^imagery run --table bq:\/\/my-project\.city\.csv …/)],
    })
    const table = { projectId: 'my-project', dataset: 'city', table: 'csv' }
    expect(await parseSource('bq://my-project.city.csv')).toMatchObject({ table })
  })

  test.each([
    ['city.signs', /nor names a project/, 'imagery run --table PROJECT.city.signs'],
    ['My-Project.city.signs', /My-Project is no project ID/, 'imagery run --table my-project.city.signs'],
    ['123456789012.city.signs', /is a project's number/, 'gcloud projects describe 123456789012'],
    ['my-project.my-city.signs', /my-city is no dataset's name/, 'bq ls my-project:'],
    ['my-project.city.signs.more', /nor a table's name/, 'bq ls my-project:city'],
    ['example.com.my-project.city.signs', /a colon follows the domain/, 'example.com:my-project.city.signs'],
    ['my-project.city.si`gns', /is no table's name/, 'bq ls my-project:city'],
    ['`my-project.city', /a backtick is not closed/, 'imagery run --table my-project.city'],
    ['', /nor a table's name/, 'imagery run --table my-project.my_dataset'],
    ['my-project.city.obs_*_new', /only be the last/, "imagery run --table 'my-project.city.obs_*'"],
    ['my-project:city.obs@-3600', /as it was/, 'bq cp my-project:city.obs@-3600 my-project:city.obs_then'],
    ['[my-project:city.obs@1793739517000]', /as it was/, 'bq cp my-project:city.obs@1793739517000'],
    [
      'my-project:city.obs@-7200000--3600000',
      /as it was/,
      "bq query --use_legacy_sql=true --allow_large_results --noflatten_results --destination_table my-project:city.obs_then 'SELECT * FROM [my-project:city.obs@-7200000--3600000]'",
    ],
    [
      'my-project.city.INFORMATION_SCHEMA.TABLES',
      /describes tables/,
      "bq query --use_legacy_sql=false 'SELECT table_name FROM `my-project.city.INFORMATION_SCHEMA.TABLES`'",
    ],
    ['my-project.region-us.INFORMATION_SCHEMA.TABLES', /describes tables/, 'bq ls PROJECT:DATASET'],
  ])('does not accept %o as a table, and says what to do', async (given, message, command) => {
    await expect(parseSource(given)).rejects.toMatchObject({
      code: 'INVALID_FLAG',
      message: expect.stringMatching(message),
      suggestions: expect.arrayContaining([expect.stringContaining(command)]),
    })
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
