import { Readable } from 'node:stream'
import type { Column } from '../../contracts/columns.ts'
import { call, LONG_CALL_DEADLINE_MS } from '../transport/errors.ts'
import { bigQuery, rangePartitioning, tableField, type IntegerPartitions, type TableName } from './bigquery.ts'
import { interruptionToCome, waitFor } from './jobs-in-flight.ts'
import { jobDone, uploaded } from './jobs.ts'

export interface LoadRows {
  location: string
  columns: readonly Column[]
  clusterBy: readonly string[]
  partitionBy?: IntegerPartitions
}

/**
 * Loads rows into a table, replacing what it held, in one atomic job: a reader sees all rows or none. The rows are sent
 * as they come, so memory stays flat.
 */
export async function loadRows(
  { projectId, dataset, table: id }: TableName,
  rows: AsyncIterable<Record<string, unknown>>,
  { location, columns, clusterBy, partitionBy }: LoadRows,
): Promise<void> {
  const signal = interruptionToCome()
  const table = (await bigQuery(projectId)).dataset(dataset).table(id, { location })
  const upload = table.createWriteStream_({
    sourceFormat: 'NEWLINE_DELIMITED_JSON',
    writeDisposition: 'WRITE_TRUNCATE',
    schema: { fields: columns.map(tableField) },
    clustering: { fields: [...clusterBy] },
    ...(partitionBy ? rangePartitioning(partitionBy) : {}),
  })
  const job = await call(uploaded(Readable.from(lines(rows)), upload), LONG_CALL_DEADLINE_MS)
  await waitFor(job, signal, (isOver) => jobDone(job, { isOver }))
}

async function* lines(rows: AsyncIterable<Record<string, unknown>>): AsyncGenerator<string> {
  for await (const row of rows) yield `${JSON.stringify(row)}\n`
}
