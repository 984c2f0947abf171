import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Column } from '../src/contracts/columns.ts'
import { bigQueryApi } from '@imagery/local-cloud/internal/apis/bigquery/index'
import { systemClock } from '@imagery/local-cloud/internal/kernel/clock'
import { httpOperations } from '@imagery/local-cloud/internal/kernel/gateway'
import { serveHttp } from '@imagery/local-cloud/internal/kernel/http-server'
import type { AccessControl } from '@imagery/local-cloud/internal/apis/iam/authorizer'
import { canonicalJson } from './check-sql-values.ts'
import type { CheckedTable, Parameters } from './check-sql-analyzer.ts'

/** A field of BigQuery's TableSchema. */
interface Field {
  name: string
  type: string
  mode?: string
  fields?: Field[]
}

/** A query's result, with cells in the format of `wireCell`. */
export interface LocalAnswer {
  columns: readonly Field[]
  rows: readonly (readonly unknown[])[]
}

/** The local cloud's BigQuery behind a socket. */
export interface LocalBigQuery {
  addTable(table: CheckedTable): Promise<void>
  addView(path: string, query: string): Promise<void>
  /** Rejects with the local BigQuery's error message. */
  query(sql: string, parameters?: Parameters): Promise<LocalAnswer>
  stop(): Promise<void>
}

/** The service refuses by name what it cannot translate faithfully: a gap, not a difference. */
export class NotEmulated extends Error {
  override readonly name = 'NotEmulated'
}

type Json = Record<string, unknown>

/** This checks the statements, not their sender; their tables are in several projects. */
const EVERYTHING_ALLOWED: AccessControl = {
  has: () => true,
  check: () => undefined,
  register: () => undefined,
  policiesChanged: () => undefined,
  accountFault: () => undefined,
}

/** Starts it in its own folder, with the dataset of `datasets` (`project.dataset`). */
export async function startLocalBigQuery(datasets: readonly string[]): Promise<LocalBigQuery> {
  const directory = mkdtempSync(path.join(tmpdir(), 'imagery-check-sql-'))
  const operation = httpOperations(async (_, handler) => handler({ email: 'check@example.com' }))
  const api = await bigQueryApi({ directory, clock: systemClock, operation, access: EVERYTHING_ALLOWED })
  await api.start()
  const server = await serveHttp({ faces: [api.http!], port: 0 })
  const call = async (route: string, body: object): Promise<Json> => {
    const answer = await fetch(`http://127.0.0.1:${server.port}/bigquery/v2/projects/${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const json = (await answer.json()) as Json
    const error = json['error'] as { message: string; errors?: { reason: string }[] } | undefined
    if (!error) return json
    throw error.errors?.[0]?.reason === 'notImplemented' ? new NotEmulated(error.message) : new Error(error.message)
  }
  for (const dataset of datasets) {
    const [projectId = '', datasetId = ''] = dataset.split('.')
    await call(`${projectId}/datasets`, { datasetReference: { projectId, datasetId } })
  }
  const create = async (tablePath: string, resource: object): Promise<void> => {
    const { projectId, datasetId, tableId } = reference(tablePath)
    await call(`${projectId}/datasets/${datasetId}/tables`, {
      tableReference: { projectId, datasetId, tableId },
      ...resource,
    })
  }
  return {
    async addTable({ path: tablePath, columns, rows }) {
      await create(tablePath, { schema: { fields: columns.map(field) } })
      if (rows.length === 0) return
      const { projectId, datasetId, tableId } = reference(tablePath)
      const answer = await call(`${projectId}/datasets/${datasetId}/tables/${tableId}/insertAll`, {
        rows: rows.map((json) => ({ json })),
      })
      if (answer['insertErrors'] !== undefined) throw new Error(JSON.stringify(answer['insertErrors']))
    },
    addView: (tablePath, query) => create(tablePath, { view: { query, useLegacySql: false } }),
    async query(sql, parameters = {}) {
      const answer = (await call('check/queries', {
        query: sql,
        useLegacySql: false,
        timeoutMs: 60_000,
        formatOptions: { useInt64Timestamp: true },
        parameterMode: 'NAMED',
        queryParameters: Object.entries(parameters).map(([name, value]) => ({
          name,
          ...wireParameter(value),
        })),
      })) as { schema?: { fields: Field[] }; rows?: { f: { v: unknown }[] }[] }
      const columns = answer.schema?.fields ?? []
      const rows = (answer.rows ?? []).map(({ f }) => f.map(({ v }, index) => comparable(columns[index]!, v)))
      return { columns, rows }
    },
    async stop() {
      await server.stop()
      await api.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function wireParameter(value: Parameters[string]): object {
  if (typeof value === 'number') return { parameterType: { type: 'INT64' }, parameterValue: { value: String(value) } }
  if (typeof value === 'string') return { parameterType: { type: 'STRING' }, parameterValue: { value } }
  return {
    parameterType: { type: 'ARRAY', arrayType: { type: 'STRING' } },
    parameterValue: { arrayValues: value.map((item) => ({ value: item })) },
  }
}

function reference(tablePath: string): { projectId: string; datasetId: string; tableId: string } {
  const [projectId = '', datasetId = '', tableId = ''] = tablePath.split('.')
  return { projectId, datasetId, tableId }
}

function field({ name, type, mode, columns }: Column): Field {
  return { name, type, ...(mode ? { mode } : {}), ...(columns ? { fields: columns.map(field) } : {}) }
}

/** Floats by value and JSON by content: their texts may differ. */
function comparable({ type, mode, fields = [] }: Field, cell: unknown): unknown {
  if (mode === 'REPEATED') {
    return (cell as { v: unknown }[]).map(({ v }) => ({ v: comparable({ name: '', type, fields }, v) }))
  }
  if (cell === null) return null
  if (type === 'RECORD' || type === 'STRUCT') {
    return { f: (cell as { f: { v: unknown }[] }).f.map(({ v }, index) => ({ v: comparable(fields[index]!, v) })) }
  }
  if (type === 'FLOAT' || type === 'FLOAT64') return Number(cell)
  return type === 'JSON' ? canonicalJson(cell as string) : cell
}
