import { expect, test } from 'vitest'
import { CloudError } from '../../../src/google/transport/errors.ts'
import { failedRead, readingRows } from '../../../src/services/source/failed-read.ts'

const TYPES = new CloudError('INVALID_ARGUMENT', 'Cannot read field of type INT64 as STRING')

test('tables of a wildcard whose types differ are named when BigQuery reads their rows', async () => {
  const read = { path: 'my-project.city.obs_*', where: "_TABLE_SUFFIX > '2'" }
  await expect(readingRows(read, Promise.reject(TYPES))).rejects.toMatchObject({
    code: 'INVALID_FLAG',
    message: `my-project.city.obs_* cannot be read as one table: ${TYPES.message}`,
    suggestions: [expect.stringContaining('a longer beginning'), expect.stringContaining('bq ls my-project:city ')],
  })
})

test('a table of a project of a domain is named with the whole project', async () => {
  const wildcard = { path: 'example.com:roads.city.obs_*', where: null }
  expect(failedRead(TYPES, wildcard)?.suggestions[1]).toMatch(/^bq ls example\.com:roads:city /)
  const gone = new CloudError('NOT_FOUND', 'Not found: URI gs://lists/a.csv')
  const { message, suggestions } = failedRead(gone, { path: 'example.com:roads.city.obs', where: null })!
  expect(message).toContain('example.com:roads:city.obs does not exist')
  expect(suggestions[0]).toMatch(/^bq show --format=prettyjson example\.com:roads:city\.obs /)
})

test('any other failure stays what it is', async () => {
  const read = { path: 'my-project.city.obs', where: 'TRUE' }
  await expect(readingRows(read, Promise.reject(TYPES))).rejects.toBe(TYPES)
  expect(failedRead(new CloudError('NOT_FOUND', 'Not found: Table my-project:city.obs'), read)).toBeUndefined()
  expect(await readingRows(read, Promise.resolve(7))).toBe(7)
})
