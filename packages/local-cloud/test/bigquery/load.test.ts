import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'

let bigquery: Harness
let files: string
const objects = new Map<string, Buffer>()

beforeAll(async () => {
  files = await mkdtemp(path.join(tmpdir(), 'bigquery-load-'))
  bigquery = await startBigQuery({
    async readObject(uri) {
      const content = objects.get(uri)
      if (!content) throw new Error(`no object ${uri}`)
      return content
    },
  })
  await bigquery.client.createDataset('d')
})
afterAll(async () => {
  await bigquery.close()
  await rm(files, { recursive: true, force: true })
})

async function load(
  table: string,
  content: string | Buffer,
  metadata: object,
): Promise<{ statistics: { load: { outputRows: string } } }> {
  const file = path.join(files, 'content')
  await writeFile(file, content)
  const [job] = await bigquery.client.dataset('d').table(table).load(file, metadata)
  if (job.status?.errorResult) throw new Error(job.status.errorResult.message)
  return job as unknown as { statistics: { load: { outputRows: string } } }
}
const select = async (sql: string): Promise<unknown[]> => (await bigquery.client.query(sql))[0]
const JSONL = 'NEWLINE_DELIMITED_JSON'

/** What a format's content becomes is in load-cases.test.ts. */
describe('load jobs (https://cloud.google.com/bigquery/docs/batch-loading-data)', () => {
  it('load JSON lines with a schema, all rows or none', async () => {
    const schema = {
      fields: [
        { name: 'id', type: 'STRING', mode: 'REQUIRED' },
        { name: 'n', type: 'INT64' },
        { name: 'tags', type: 'STRING', mode: 'REPEATED' },
      ],
    }
    const job = await load('json', '{"id":"a","n":"1","tags":["x"]}\n\n{"id":"b"}\n', { sourceFormat: JSONL, schema })
    expect(job.statistics.load.outputRows).toBe('2')
    expect(await select('SELECT * FROM d.json ORDER BY id')).toEqual([
      { id: 'a', n: 1, tags: ['x'] },
      { id: 'b', n: null, tags: [] },
    ])
    await expect(load('json', '{"id":"c"}\n{"id":"d","n":"x"}\n', { sourceFormat: JSONL })).rejects.toThrow(
      /row starting at position 11: Could not convert value to integer. Field: n; Value: x/,
    )
    expect(await select('SELECT COUNT(*) AS n FROM d.json')).toEqual([{ n: 2 }])
    await load('json', '{"id":"c"}\n{"id":"d","n":"x"}\n', { sourceFormat: JSONL, maxBadRecords: 1 })
    expect(await select('SELECT COUNT(*) AS n FROM d.json')).toEqual([{ n: 3 }])
  })

  it('leave out bad CSV rows without a search of the whole file for each', async () => {
    const timeOf = async (lineEnd: string): Promise<number> => {
      const rows = 10_001
      objects.set('gs://files/bad.csv', Buffer.from(`"a"b${lineEnd}`.repeat(rows - 1) + `"a"${'b'.repeat(16_000_000)}`))
      const load = {
        sourceUris: ['gs://files/bad.csv'],
        destinationTable: { projectId: 'demo', datasetId: 'd', tableId: 'bad' },
        schema: { fields: [{ name: 'id', type: 'STRING' }] },
        maxBadRecords: rows,
      }
      const startedMs = performance.now()
      const [job] = await bigquery.client.createJob({ configuration: { load } })
      await job.promise()
      const [metadata] = await job.getMetadata()
      expect(metadata.statistics.load).toMatchObject({ outputRows: '0', badRecords: String(rows) })
      return performance.now() - startedMs
    }
    const withReturnsMs = await timeOf('\r\n')
    // A search for the carriage return that this file does not have takes seconds in all.
    expect(await timeOf('\n')).toBeLessThan(5 * withReturnsMs)
  })

  it('detect a schema in JSON lines', async () => {
    const line = {
      asset_id: 't1',
      location: { latitude: 40.5, longitude: -111.9 },
      capture_time: '2019-05-01T23:23:36.190150+00:00',
      n: 1,
      ok: true,
      tags: ['a'],
    }
    await load('detected', JSON.stringify(line), { sourceFormat: JSONL, autodetect: true })
    const [metadata] = await bigquery.client.dataset('d').table('detected').getMetadata()
    expect(
      metadata.schema.fields.map(({ name, type, mode }: { name: string; type: string; mode: string }) => [
        name,
        type,
        mode,
      ]),
    ).toEqual([
      ['asset_id', 'STRING', 'NULLABLE'],
      ['location', 'RECORD', 'NULLABLE'],
      ['capture_time', 'TIMESTAMP', 'NULLABLE'],
      ['n', 'INTEGER', 'NULLABLE'],
      ['ok', 'BOOLEAN', 'NULLABLE'],
      ['tags', 'STRING', 'REPEATED'],
    ])
    expect(await select('SELECT location.latitude AS y, UNIX_MICROS(capture_time) AS t FROM d.detected')).toEqual([
      { y: 40.5, t: 1556753016190150 },
    ])
  })

  it('load from Cloud Storage', async () => {
    objects.set('gs://bucket/1.jsonl', Buffer.from('{"v":1}\n'))
    objects.set('gs://bucket/2.jsonl', Buffer.from('{"v":2}\n'))
    const [job] = await bigquery.client.createJob({
      configuration: {
        load: {
          sourceUris: ['gs://bucket/1.jsonl', 'gs://bucket/2.jsonl'],
          sourceFormat: JSONL,
          autodetect: true,
          destinationTable: { projectId: 'demo', datasetId: 'd', tableId: 'gcs' },
        },
      },
    })
    await job.promise()
    expect(await select('SELECT v FROM d.gcs ORDER BY v')).toEqual([{ v: 1 }, { v: 2 }])
  })

  it('replace a table with WRITE_TRUNCATE', async () => {
    await load('gcs', '{"v":9}', { sourceFormat: JSONL, writeDisposition: 'WRITE_TRUNCATE' })
    expect(await select('SELECT v FROM d.gcs')).toEqual([{ v: 9 }])
  })

  it('refuse formats and options by name', async () => {
    await expect(load('x', 'a', { sourceFormat: 'AVRO' })).rejects.toThrow(/loading AVRO is not emulated/)
    await expect(load('x', 'a', { sourceFormat: 'CSV', encoding: 'cp1252', autodetect: true })).rejects.toThrow(
      /Unsupported encoding: cp1252/,
    )
    await expect(load('x', 'a', { sourceFormat: 'CSV', sourceColumnMatch: 'NAME', autodetect: true })).rejects.toThrow(
      /the load option sourceColumnMatch is not emulated/,
    )
  })

  it('accept a resumable upload in chunks', async () => {
    const body = {
      configuration: {
        load: {
          sourceFormat: JSONL,
          autodetect: true,
          destinationTable: { projectId: 'demo', datasetId: 'd', tableId: 'resumed' },
        },
      },
    }
    const begun = await fetch(`${bigquery.url}/resumable/upload/bigquery/v2/projects/demo/jobs?uploadType=resumable`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    const location = begun.headers.get('location')!
    const part = await fetch(location, {
      method: 'PUT',
      body: '{"v":1}\n',
      headers: { 'content-range': 'bytes 0-7/16' },
    })
    expect([part.status, part.headers.get('range')]).toEqual([308, 'bytes=0-7'])
    const last = await fetch(location, {
      method: 'PUT',
      body: '{"v":2}\n',
      headers: { 'content-range': 'bytes 8-15/16' },
    })
    const { jobReference } = (await last.json()) as { jobReference: { jobId: string } }
    await bigquery.client.job(jobReference.jobId, { location: 'US' }).promise()
    expect(await select('SELECT COUNT(*) AS n FROM d.resumed')).toEqual([{ n: 2 }])
  })
})

describe('text', () => {
  /** Texts of any code points, with those that programs often lose; the same ones each time. */
  function anyTexts(count: number): string[] {
    const special = [
      '\ufeff',
      '\ufffd',
      '\u0000',
      '\u2028',
      '\u200b',
      '"',
      ',',
      '\n',
      '\r',
      '\\',
      '',
      ' ',
      'é',
      'e\u0301',
      '😀',
    ]
    let state = 20_261_130
    const next = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const letter = (): string => {
      const point = next(0x110000)
      const isSurrogate = point >= 0xd800 && point < 0xe000
      return next(2) === 0 || isSurrogate ? special[next(special.length)]! : String.fromCodePoint(point)
    }
    const others = Array.from({ length: count }, () => Array.from({ length: next(8) }, letter).join(''))
    return [...special.map((text) => `${text}x`), ...special, ...others]
  }

  it('is the same after a CSV load, a JSON load and streaming, whatever its characters', async () => {
    const texts = anyTexts(300)
    const fields = [
      { name: 'number', type: 'INT64' },
      { name: 'text', type: 'STRING' },
    ]
    const rows = texts.map((text, number) => ({ number, text }))
    const csv = rows.map(({ number, text }) => `${number},"${text.replaceAll('"', '""')}"\n`).join('')
    const options = { sourceFormat: 'CSV', allowQuotedNewlines: true, preserveAsciiControlCharacters: true }
    await load('text_csv', csv, { ...options, schema: { fields } })
    const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('')
    await load('text_json', lines, { sourceFormat: JSONL, schema: { fields } })
    await bigquery.client.dataset('d').createTable('text_rows', { schema: { fields } })
    await bigquery.client.dataset('d').table('text_rows').insert(rows)
    for (const table of ['text_csv', 'text_json', 'text_rows']) {
      const found = (await select(`SELECT text FROM d.${table} ORDER BY number`)) as { text: string }[]
      expect(found.map(({ text }) => text)).toEqual(texts)
    }
  })
})
