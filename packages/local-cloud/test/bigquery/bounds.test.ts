import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Job } from '@google-cloud/bigquery'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'

const MEGABYTE = 1024 ** 2

let bigquery: Harness
let files: string

beforeAll(async () => {
  bigquery = await startBigQuery({ limits: { timeMs: 600_000, memoryBytes: 512 * MEGABYTE } })
  await bigquery.client.createDataset('d')
  files = await mkdtemp(path.join(tmpdir(), 'bigquery-bounds-'))
})
afterAll(async () => {
  await bigquery.close()
  await rm(files, { recursive: true, force: true })
})

const failure = (reason: string, message: RegExp, code = 400): object =>
  expect.objectContaining({
    code,
    message: expect.stringMatching(message) as string,
    errors: [expect.objectContaining({ reason })],
  })

async function value(sql: string): Promise<unknown> {
  const [[row]] = (await bigquery.client.query(sql)) as [Record<string, unknown>[]]
  return Object.values(row!)[0]
}

const TOO_DEEP = failure('resourcesExceeded', /^Out of stack space due to deeply nested query expression/)
const TOO_MUCH = failure('resourcesExceeded', /^Resources exceeded during query execution/)

/** `inside` wrapped in `before` and `after`, `count` times. */
function nested(times: number, before: string, inside: string, after: string): string {
  return before.repeat(times) + inside + after.repeat(times)
}

describe('a statement', () => {
  it.each([
    ['parentheses', `SELECT ${nested(100_000, '(', '1', ')')}`],
    ['subqueries', `SELECT ${nested(80_000, '(SELECT ', '1', ')')}`],
    ['parentheses around a table', `SELECT 1 FROM ${nested(100_000, '(', 'd.t', ')')}`],
    ['function calls', `SELECT ${nested(100_000, 'ABS(', '1', ')')}`],
    ['types', `SELECT CAST(NULL AS ${nested(90_000, 'STRUCT<', 'INT64', '>')})`],
    ['NOT', `SELECT ${'NOT '.repeat(100_000)}TRUE`],
    ['signs', `SELECT ${'- '.repeat(100_000)}1`],
    ['a long sum', `SELECT ${'1 + '.repeat(100_000)}1`],
    ['a long chain of ||', `SELECT ${"'a' || ".repeat(100_000)}'b'`],
    ['a long path', `SELECT x${'.y'.repeat(100_000)} FROM (SELECT 1 AS x)`],
    ['a long list of tables', `SELECT 1 FROM ${'d.t, '.repeat(100_000)}d.t`],
  ])("that nests %s too deeply is refused in BigQuery's words", async (_what, sql) => {
    await expect(bigquery.client.query(sql)).rejects.toEqual(TOO_DEEP)
  })

  it('of more than a million characters is refused (https://cloud.google.com/bigquery/quotas#query_jobs)', async () => {
    expect(await value(`SELECT LENGTH('${'x'.repeat(1_000_000)}')`)).toBe(1_000_000)
    await expect(bigquery.client.query(`SELECT LENGTH('${'x'.repeat(1_050_000)}')`)).rejects.toEqual(
      failure('invalidQuery', /^The query is too large/),
    )
  })

  it.each([
    ['division', `SELECT 64.0${' / two'.repeat(6)} + 0.0${' / two'.repeat(60)} FROM (SELECT 2.0 AS two)`, 1],
    ['REPLACE', `SELECT ${nested(60, 'REPLACE(', 'a', ", 'x', 'y')")} FROM (SELECT 'x' AS a)`, 'y'],
    ['NULLIF', `SELECT ${nested(40, 'NULLIF(', 'a', ", 'x')")} FROM (SELECT 'y' AS a)`, 'y'],
    ['MOD', `SELECT ${nested(40, 'MOD(', 'a', ', 7)')} FROM (SELECT 10 AS a)`, 3],
    ['GREATEST', `SELECT ${nested(40, 'GREATEST(', 'a', ', 7)')} FROM (SELECT 10 AS a)`, 10],
    ['CONCAT', `SELECT LENGTH(${nested(40, 'CONCAT(', 'a', ", 'x')")}) FROM (SELECT 'y' AS a)`, 41],
    ['SAFE_OFFSET', `SELECT ${nested(30, '[', 'a', '][SAFE_OFFSET(0)]')} FROM (SELECT 5 AS a)`, 5],
  ])('may nest %s dozens of times without its text doubling at each level', async (_what, sql, expected) => {
    expect(await value(sql)).toBe(expected)
  })

  it('whose expansion would be too long is refused', async () => {
    const sql = `SELECT ${nested(40, 'CASE ', 'a', " WHEN 'x' THEN 'y' WHEN 'y' THEN 'z' END")} FROM (SELECT 'x' AS a)`
    await expect(bigquery.client.query(sql)).rejects.toEqual(TOO_MUCH)
  })

  it('may have thousands of terms and values', async () => {
    const numbers = 'FROM UNNEST(GENERATE_ARRAY(1, 34)) AS x WHERE'
    const terms = (term: (index: number) => string, operator: string): string =>
      Array.from({ length: 3_000 }, (_, index) => term(index)).join(operator)
    expect(await value(`SELECT COUNT(*) ${numbers} ${terms((n) => `(x = ${n} AND x > 3)`, ' OR ')}`)).toBe(31)
    expect(await value(`SELECT COUNT(*) ${numbers} ${terms((n) => `x != ${n + 4}`, ' AND ')}`)).toBe(3)
    const list = Array.from({ length: 20_000 }, (_, index) => index + 30)
    expect(await value(`SELECT COUNT(*) ${numbers} x IN (${list.join(',')})`)).toBe(5)
    expect(await value(`SELECT COUNT(*) ${numbers} x + 0.5 IN (${list.map((n) => `${n}.5`).join(',')})`)).toBe(5)
  })

  it('matches a LIKE pattern with many % without backtracking over every position', async () => {
    expect(await value(`SELECT REPEAT('a', 100000) LIKE '%a%a%a%a%a%a%a%b'`)).toBe(false)
    expect(await value(String.raw`SELECT 'a\n(b.c%d' LIKE 'a_(%.c\\%_'`)).toBe(true)
    expect(await value(String.raw`SELECT 'a(bxc%d' LIKE 'a(%.c\\%_'`)).toBe(false)
    expect(await value(`SELECT 'häß' LIKE '_ä_'`)).toBe(true)
  })
})

describe('a value', () => {
  it.each([
    ['GENERATE_ARRAY', 'SELECT ARRAY_LENGTH(GENERATE_ARRAY(1, 1000000000))', /produced too many elements/],
    ['PARSE_JSON', "SELECT PARSE_JSON(CONCAT(REPEAT('[', 501), REPEAT(']', 501)))", /^Invalid input to PARSE_JSON/],
  ])('made by %s is refused when it is too large', async (_what, sql, message) => {
    await expect(bigquery.client.query(sql)).rejects.toEqual(failure('invalidQuery', message))
  })

  it('of type JSON may have 500 levels (https://cloud.google.com/bigquery/docs/json-data#limitations)', async () => {
    const sql = "SELECT TO_JSON_STRING(PARSE_JSON(CONCAT(REPEAT('[', 500), REPEAT(']', 500))))"
    expect(await value(sql)).toBe('['.repeat(500) + ']'.repeat(500))
  })

  const rows = 'FROM UNNEST(GENERATE_ARRAY(1, 2000)) AS x'
  const big = 'REPEAT(CAST(x AS STRING), 200000)'
  it.each([
    ['REPLACE', "SELECT LENGTH(REPLACE(REPEAT('x', 1000000), 'x', REPEAT('y', 1000)))", /larger than 100MB/],
    ['REGEXP_REPLACE', `SELECT LENGTH(REGEXP_REPLACE(REPEAT('x', 1000000), '', '${'y'.repeat(1000)}'))`],
    ['SPLIT', `SELECT MAX(ARRAY_LENGTH(SPLIT(${big}, ''))) ${rows}`],
    ['CONCAT', `SELECT MAX(LENGTH(CONCAT(${big}, ${big}))) ${rows}`],
    ['LPAD', `SELECT MAX(LENGTH(LPAD(CAST(x AS STRING), 1000000, 'ab'))) ${rows}`],
    ['GENERATE_ARRAY', `SELECT MAX(ARRAY_LENGTH(GENERATE_ARRAY(1, 1000000 + x))) ${rows}`],
    [
      'a dozen doublings',
      `SELECT LENGTH(a) FROM ${nested(12, '(SELECT CONCAT(a, a) AS a FROM ', "(SELECT REPEAT('x', 1000000) AS a)", ')')}`,
    ],
    ['ARRAY_AGG', `SELECT ARRAY_LENGTH(ARRAY_AGG(REPEAT('x', 100000 + x))) ${rows.replace('2000', '20000')}`],
  ])('made by %s from many rows fails the query, not the process', async (_what, sql, message = /./) => {
    await expect(bigquery.client.query(sql)).rejects.toEqual(
      failure('resourcesExceeded', new RegExp(`^(?:Resources exceeded|Cannot query rows).*${message.source}`)),
    )
  })

  it('is trimmed and parsed in one pass', async () => {
    expect(await value("SELECT LENGTH(RTRIM(CONCAT(REPEAT(' ', 1000000), 'x')))")).toBe(1_000_001)
    expect(await value("SELECT SAFE_CAST(REPEAT('9', 1000000) AS INT64) IS NULL")).toBe(true)
    expect(await value("SELECT SAFE_CAST(CONCAT(REPEAT('0', 1000000), '7') AS INT64)")).toBe(7)
  })
})

/** Would run for days. Three short arrays, because DuckDB can only be interrupted once an array is made. */
const ENDLESS = `SELECT COUNT(*) FROM UNNEST(GENERATE_ARRAY(1, 10000)) AS x, UNNEST(GENERATE_ARRAY(1, 10000)) AS y,
  UNNEST(GENERATE_ARRAY(1, 10000)) AS z
  WHERE MOD(x * y * z, 7) = 3`

async function outcome(job: Job): Promise<unknown> {
  const [metadata] = await job.getMetadata()
  return (metadata as { status: unknown }).status
}

describe('a job', () => {
  it('stops at its own time limit (https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfiguration)', async () => {
    const [job] = await bigquery.client.createQueryJob({ query: ENDLESS, jobTimeoutMs: 90_000 })
    await bigquery.clock.advance(90_000)
    await expect(job.getQueryResults()).rejects.toEqual(
      failure('stopped', /^Job execution was cancelled: Job timed out after 90 sec$/, 499),
    )
    await expect(bigquery.client.createQueryJob({ query: 'SELECT 1', jobTimeoutMs: -1 })).rejects.toEqual(
      failure('invalid', /jobTimeoutMs/),
    )
  })

  it("stops at the local cloud's limit even if its own is longer", async () => {
    const [job] = await bigquery.client.createQueryJob({ query: ENDLESS, jobTimeoutMs: 6 * 3_600_000 })
    await bigquery.clock.advance(600_000)
    await expect(job.getQueryResults()).rejects.toEqual(failure('timeout', /^Operation timed out after 600 s/))
  })

  it('stops when it is canceled, and other jobs continue', async () => {
    const [job] = await bigquery.client.createQueryJob({ query: ENDLESS })
    const [other] = await bigquery.client.createQueryJob({ query: ENDLESS })
    const [answer] = await job.cancel()
    expect(answer.job?.status).toMatchObject({
      state: 'DONE',
      errorResult: { reason: 'stopped', message: 'Job execution was cancelled: User requested cancellation' },
    })
    const [jobs] = await bigquery.client.getJobs({ maxResults: 50, autoPaginate: false })
    const running = jobs.filter(({ metadata }) => (metadata as { state?: string }).state === 'RUNNING')
    expect(running.map(({ id }) => id)).toEqual([other.id])
    await other.cancel()
    expect(await value('SELECT 1')).toBe(1)
  })

  it('with a long parameter takes no memory after its end', async () => {
    setFlagsFromString('--expose-gc')
    const collectGarbage = runInNewContext('gc') as () => void
    const heap = (): number => {
      collectGarbage()
      return process.memoryUsage().heapUsed / MEGABYTE
    }
    const params = { p: 'a'.repeat(MEGABYTE) }
    const refused = (): Promise<unknown> => bigquery.client.query({ query: 'SELECT @p FROM', params }).catch(String)
    expect(await refused()).toMatch(/Syntax error/)
    const before = heap()
    for (let count = 0; count < 20; count++) await refused()
    expect(heap() - before).toBeLessThan(10)
  })

  it('stops with the local cloud and does not run again', async () => {
    const [job] = await bigquery.client.createQueryJob({ query: ENDLESS })
    await bigquery.restart()
    expect(await outcome(bigquery.client.job(job.id!, { location: 'US' }))).toMatchObject({
      state: 'DONE',
      errorResult: { reason: 'stopped', message: 'Job execution was cancelled: The local cloud was stopped' },
    })
  })
})

describe('a load', () => {
  const load = async (text: string, sourceFormat: string): Promise<void> => {
    const file = path.join(files, 'file')
    await writeFile(file, text)
    const [job] = await bigquery.client.dataset('d').table('loaded').load(file, {
      sourceFormat,
      autodetect: true,
      writeDisposition: 'WRITE_TRUNCATE',
    })
    const message = (job as { status?: { errorResult?: { message: string } } }).status?.errorResult?.message
    if (message) throw new Error(message)
  }
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `column_${index}`)
  const json = (count: number): string => JSON.stringify(Object.fromEntries(names(count).map((name) => [name, 1])))
  const JSONL = 'NEWLINE_DELIMITED_JSON'

  it('of more than 10,000 columns is refused before anything is created (https://cloud.google.com/bigquery/quotas#all_tables)', async () => {
    await expect(load(json(100_000), JSONL)).rejects.toThrow(/Too many columns: 100000, at most 10000/)
    await expect(load(`{"a": ${json(9_999)}, "b": 1}`, JSONL)).rejects.toThrow(/Too many columns: 10001/)
    const csv = `${names(100_000).join(',')}\n${'1,'.repeat(99_999)}1\n`
    await expect(load(csv, 'CSV')).rejects.toThrow(/Too many columns: 100000/)
  })

  it('of rows with different columns looks up each column once', async () => {
    const rows = Array.from({ length: 20 }, (_, row) =>
      JSON.stringify(Object.fromEntries(names(500).map((name) => [`${name}_${row % 4}`, row]))),
    )
    await load(rows.join('\n'), JSONL)
    expect(await value('SELECT SUM(column_499_3) FROM d.loaded')).toBe(3 + 7 + 11 + 15 + 19)
  })

  it('reads a line of a million values, and a file without a delimiter, in one pass', async () => {
    await expect(load(`a,b\n${'x,'.repeat(1_000_000)}\n`, 'CSV')).rejects.toThrow(/Too many columns: 1000001/)
    await load(Array.from({ length: 100_000 }, (_, row) => `v${row}\n`).join(''), 'CSV')
    expect(await value('SELECT COUNT(*) FROM d.loaded')).toBe(100_000)
  })

  it.each([
    ['objects', nested(100_000, '{"a":', '1', '}')],
    ['lists', `{"a":${nested(100_000, '[', '', ']')}}`],
  ])('refuses %s nested 100,000 levels deep', async (_what, line) => {
    await expect(load(line, JSONL)).rejects.toThrow(/Message too deep/)
  })

  it('refuses records of more than 15 levels (https://cloud.google.com/bigquery/docs/nested-repeated#limitations)', async () => {
    await expect(load(nested(20, '{"a":', '1', '}'), JSONL)).rejects.toThrow(/nested too deeply/)
  })
})
