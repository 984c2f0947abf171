import { spawn } from 'node:child_process'
import { createServer, type AddressInfo } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { CouldNotRun, type AnalyzerFiles } from './check-sql-fetch.ts'
import { columnType, columnValue, type TypeProto, type ValueProto } from './check-sql-values.ts'
import type { Column } from '../src/contracts/columns.ts'

/** A table with its rows, in the JSON of tabledata.insertAll. */
export interface CheckedTable {
  /** `project.dataset.table`, as statements name it. */
  path: string
  columns: readonly Column[]
  rows: readonly Record<string, unknown>[]
}

/** A query's result in the analyzer's own format. */
export interface Evaluated {
  columns: readonly { name: string; type: TypeProto }[]
  rows: readonly (readonly ValueProto[])[]
}

export type Parameters = Readonly<Record<string, string | number | readonly string[]>>

/** Google's analyzer and reference evaluator, running. */
export interface Analyzer {
  /** Rejects with Google's error message when the statement is not valid against the tables. */
  analyze(sql: string, parameters?: Parameters): Promise<void>
  /** Runs the query on the tables' rows. Rejects where it is not valid, fails, or cannot be evaluated. */
  evaluate(sql: string, parameters?: Parameters): Promise<Evaluated>
  /** Adds a table, or replaces the one of that path. */
  addTable(table: CheckedTable): void
  /** Adds a table with a query's result: the content of a view. */
  addAnswer(path: string, answer: Evaluated): void
  stop(): void
}

interface Catalog {
  name: string
  table: { name: string; fullName: string; column: { name: string; type: TypeProto }[] }[]
  builtinFunctionOptions: { languageOptions: object }
}

type Call = (request: object) => Promise<unknown>

const START_TIMEOUT_MS = 20_000
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024

/** Starts the program on a free port of 127.0.0.1. Rejects with CouldNotRun. */
export async function startAnalyzer({ program, protos }: AnalyzerFiles): Promise<Analyzer> {
  const port = await freePort()
  const child = spawn(program, ['127.0.0.1', String(port)], { stdio: 'ignore' })
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`it ended with exit code ${code}`)))
  })
  try {
    const call = await Promise.race([connect(protos, port), failed])
    const languageOptions = (await call('getLanguageOptions')({ maximumFeatures: true })) as object
    const supportedStatementKinds = ['RESOLVED_QUERY_STMT', 'RESOLVED_INSERT_STMT']
    const options = { ...languageOptions, productMode: 'PRODUCT_EXTERNAL', supportedStatementKinds }
    return analyzer(call, options, () => child.kill())
  } catch (error) {
    child.kill()
    throw new CouldNotRun(`the analyzer ${program} does not start: ${(error as Error).message}`, { cause: error })
  } finally {
    failed.catch(() => undefined)
  }
}

async function connect(protos: string, port: number): Promise<(method: string) => Call> {
  const options = { enums: String, longs: String, defaults: false, oneofs: false, includeDirs: [protos] }
  const root = grpc.loadPackageDefinition(loadSync('local_service.proto', options)) as unknown as {
    zetasql: { local_service: { ZetaSqlLocalService: grpc.ServiceClientConstructor } }
  }
  const client = new root.zetasql.local_service.ZetaSqlLocalService(
    `127.0.0.1:${port}`,
    grpc.credentials.createInsecure(),
    { 'grpc.max_send_message_length': MAX_MESSAGE_BYTES, 'grpc.max_receive_message_length': MAX_MESSAGE_BYTES },
  )
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(Date.now() + START_TIMEOUT_MS, (error) => (error ? reject(error) : resolve()))
  })
  return (method) => (request) =>
    new Promise((resolve, reject) => {
      const send = client[method] as (request: object, callback: grpc.requestCallback<unknown>) => void
      send.call(client, request, (error, answer) => (error ? reject(new Error(error.details)) : resolve(answer)))
    })
}

function analyzer(call: (method: string) => Call, languageOptions: object, stop: () => void): Analyzer {
  const catalog: Catalog = { name: 'check', table: [], builtinFunctionOptions: { languageOptions } }
  const contents: Record<string, object> = {}
  const add = (path: string, columns: readonly { name: string; type: TypeProto }[], rows: readonly object[]): void => {
    const others = catalog.table.filter(({ name }) => name !== path)
    catalog.table = [...others, { name: path, fullName: path, column: [...columns] }]
    contents[path] = { tableData: { row: rows } }
  }
  const options = (parameters: Parameters): object => ({
    languageOptions,
    defaultTimezone: 'UTC',
    errorMessageMode: 'ERROR_MESSAGE_ONE_LINE',
    queryParameters: Object.entries(parameters).map(([name, value]) => ({
      name,
      type: columnType(parameterColumn(name, value)),
    })),
  })
  return {
    async analyze(sql, parameters = {}) {
      await call('analyze')({ sqlStatement: sql, options: options(parameters), simpleCatalog: catalog })
    },
    async evaluate(sql, parameters = {}) {
      const params = Object.entries(parameters).map(([name, value]) => ({
        name,
        value: columnValue(parameterColumn(name, value), value),
      }))
      const answer = (await call('evaluateQuery')({
        sql,
        options: options(parameters),
        simpleCatalog: catalog,
        tableContent: contents,
        params,
      })) as {
        content?: { tableData?: { row?: { cell?: ValueProto[] }[] } }
        prepared?: { columns?: Evaluated['columns'] }
      }
      return {
        columns: answer.prepared?.columns ?? [],
        rows: (answer.content?.tableData?.row ?? []).map(({ cell = [] }) => cell),
      }
    },
    addTable({ path, columns, rows }) {
      add(
        path,
        columns.map((column) => ({ name: column.name, type: columnType(column) })),
        rows.map((row) => ({ cell: columns.map((column) => columnValue(column, row[column.name])) })),
      )
    },
    addAnswer(path, { columns, rows }) {
      add(
        path,
        columns,
        rows.map((cell) => ({ cell })),
      )
    },
    stop,
  }
}

function parameterColumn(name: string, value: Parameters[string]): Column {
  if (typeof value === 'number') return { name, type: 'INT64' }
  return { name, type: 'STRING', ...(typeof value === 'string' ? {} : { mode: 'REPEATED' }) }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}
