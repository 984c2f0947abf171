import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startBigQuery, type Harness } from './bigquery-fixture.ts'
import { CASE_GROUPS } from './load-cases/groups.ts'
import type { FileContent, LoadCase } from './load-cases/load-case.ts'

interface JobError {
  reason: string
  message: string
  location?: string
}
interface Field {
  name: string
  type: string
  mode?: string
  fields?: Field[]
}

const objects = new Map<string, Buffer>()
let bigquery: Harness
let folder: string
let duckdb: DuckDBConnection
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'load-cases-'))
  duckdb = await (await DuckDBInstance.create(':memory:')).connect()
  bigquery = await startBigQuery({ readObject: async (uri) => objects.get(uri)! })
  await bigquery.client.createDataset('d')
})
afterAll(async () => {
  await bigquery.close()
  duckdb.closeSync()
  await rm(folder, { recursive: true, force: true })
})

for (const [group, { format, cases }] of Object.entries(CASE_GROUPS)) {
  describe.concurrent(`a load of ${group}`, () => {
    it.each(cases.map((loadCase, index) => [loadCase.says, loadCase, index] as const))(
      '%s',
      async (_, loadCase, index) => {
        const table = `${group.replaceAll(/\W+/g, '_')}_${index}`
        const uris = await staged(table, loadCase)
        const { errorResult, errors = [] } = await load(table, uris, format, loadCase)
        if (loadCase.error) {
          expect(errorResult?.reason).toBe('invalid')
          expect(errors[0]).toEqual(errorResult)
          for (const part of loadCase.error) expect(errors.map(({ message }) => message).join('\n')).toMatch(part)
          for (const { message, location } of errors) expect(message.includes('File: ')).toBe(location !== undefined)
          expect((await bigquery.client.dataset('d').table(table).exists())[0]).toBe(false)
          return
        }
        expect(errorResult).toBeUndefined()
        for (const part of loadCase.warnings ?? [])
          expect(errors.map(({ message }) => message).join('\n')).toMatch(part)
        if (!loadCase.warnings) expect(errors).toEqual([])
        const [metadata] = await bigquery.client.dataset('d').table(table).getMetadata()
        const schema = (metadata.schema.fields as Field[]).map(shown)
        expect(schema).toEqual(loadCase.schema ?? loadCase.given)
        const [rows] = await bigquery.client.query(
          `SELECT TO_JSON_STRING(${loadCase.select ?? 't'}) AS j FROM d.${table} AS t`,
        )
        expect((rows as { j: string }[]).map(({ j }) => j)).toEqual(loadCase.rows)
      },
    )
  })
}

/** Puts the files of a case into the bucket, in an order that their names have too. */
async function staged(name: string, { content }: LoadCase): Promise<string[]> {
  const files = (Array.isArray(content) ? content : [content]) as FileContent[]
  return Promise.all(
    files.map(async (file, index) => {
      const uri = `gs://bucket/${name}/${index}`
      objects.set(uri, await bytesOf(file, `${name}-${index}`))
      return uri
    }),
  )
}

async function bytesOf(content: FileContent, name: string): Promise<Buffer> {
  if (typeof content === 'string' || Buffer.isBuffer(content)) return Buffer.from(content)
  const file = path.join(folder, `${name}.parquet`)
  await duckdb.run(`COPY (SELECT ${content.select}) TO '${file}' (FORMAT parquet)`)
  return readFile(file)
}

async function load(
  table: string,
  sourceUris: string[],
  sourceFormat: string,
  { options, given }: LoadCase,
): Promise<{ errorResult?: JobError; errors?: JobError[] }> {
  const schema = given ? { schema: { fields: given.map(fieldOf) } } : { autodetect: sourceFormat !== 'PARQUET' }
  const destinationTable = { projectId: 'demo', datasetId: 'd', tableId: table }
  const configuration = { load: { sourceUris, sourceFormat, destinationTable, ...schema, ...options } }
  const [job] = await bigquery.client.createJob({ configuration })
  for (;;) {
    const [metadata] = await job.getMetadata()
    const { status } = metadata as { status: { state: string; errorResult?: JobError; errors?: JobError[] } }
    if (status.state === 'DONE') return status
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** `name TYPE MODE` as a field. */
function fieldOf(text: string): Field {
  const [name, type, mode] = text.split(' ') as [string, string, string | undefined]
  return { name, type, ...(mode === undefined ? {} : { mode }) }
}

function shown({ name, type, mode, fields }: Field): string {
  const parts = [name, type, ...(mode === undefined || mode === 'NULLABLE' ? [] : [mode])]
  return fields ? `${parts.join(' ')} (${fields.map(shown).join(', ')})` : parts.join(' ')
}
