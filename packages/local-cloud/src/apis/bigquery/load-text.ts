import type { DuckDBValue } from '@duckdb/node-api'
import { GoogleError } from '../../kernel/errors.ts'
import { detectFields, SAMPLE_ROWS } from './detect-schema.ts'
import { csvLayout, csvMessage, rowsFromCsv, type CsvLayout } from './load-csv.ts'
import { BadRows } from './load-errors.ts'
import { jsonMessage, rowsFromJson } from './load-json.ts'
import { loadRules, type LoadedFrom } from './loaded-values.ts'
import type { JobError } from './records.ts'
import type { RunningJob } from './running-job.ts'
import { encodingOf, sourceTexts } from './source-text.ts'
import { appendRows } from './streaming.ts'
import { checkFields, parseFields, type Field } from './table-schema.ts'
import { take } from './take.ts'
import type { TextRow } from './text-row.ts'
import { BadValue, decodeRow } from './values-in.ts'
import { createRowsSql, typesOf, type Warehouse } from './warehouse.ts'

type Body = Record<string, unknown>

/** One file of a load, and its URI if it is in Cloud Storage. */
export interface SourceFile {
  content: Buffer
  uri: string | undefined
}

interface TextLoad {
  files: readonly SourceFile[]
  physical: string
  format: string
  load: Body
  known: Field[] | undefined
  running: RunningJob
}

/** What a load brought: its schema, and how many rows it has and left out. */
export interface LoadedRows {
  fields: Field[]
  rows: number
  bad: number
  /** About the rows that were left out. */
  errors: readonly JobError[]
}

/** Rows that are decoded and appended between two looks at the rest of the world. */
const BATCH_ROWS = 2048

/** Reads CSV or JSON files into a table of rows. */
export async function loadText(
  warehouse: Warehouse,
  { files, physical, format, load, known, running }: TextLoad,
): Promise<LoadedRows> {
  if (!known && load['autodetect'] !== true)
    throw new GoogleError('INVALID_ARGUMENT', 'No schema specified on job or table.', { reason: 'invalid' })
  const contents = files.map(({ content }) => content)
  const texts = sourceTexts(contents, encodingOf(load['encoding']))
  const layout = format === 'CSV' ? csvLayout(texts, load, known) : undefined
  const fields = known ?? detected(texts, load, layout)
  checkFields(fields)
  const options = {
    ignoreUnknownValues: load['ignoreUnknownValues'] === true,
    rules: loadRules(loadedFrom(layout, known)),
  }
  const bad = new BadRows(layout ? 'CSV' : 'JSON', Number(load['maxBadRecords'] ?? 0))
  let read = 0
  const decode = (row: TextRow, uri: string | undefined): DuckDBValue[][] => {
    read += 1
    try {
      if (row.values instanceof BadValue) throw row.values
      return [decodeRow(row.values, fields, options)]
    } catch (error) {
      if (!(error instanceof BadValue)) throw error
      bad.add({ uri, message: layout ? csvMessage(row, error, fields) : jsonMessage(row, error) }, read)
      return []
    }
  }
  let rows = 0
  await warehouse.store.read(async (connection) => {
    await connection.run(createRowsSql(physical, typesOf({ fields })))
    for (const [index, { uri }] of files.entries()) {
      const source = rowsOf(texts[index]!, load, layout, fields)[Symbol.iterator]()
      for (;;) {
        const batch = [...take({ [Symbol.iterator]: () => ({ next: () => source.next() }) }, BATCH_ROWS)]
        if (batch.length === 0) break
        const values = batch.flatMap((row) => decode(row, uri))
        await appendRows(connection, { physical, fields }, values)
        rows += values.length
        await new Promise((resolve) => setImmediate(resolve))
        running.checkStopped()
      }
    }
  })
  return { fields, rows, bad: bad.count, errors: bad.errors }
}

function loadedFrom(layout: CsvLayout | undefined, known: Field[] | undefined): LoadedFrom {
  if (layout) return 'CSV'
  return known ? 'JSON' : 'DETECTED JSON'
}

/** Only with the types known is it clear which empty values are texts and which are NULL. */
function rowsOf(
  text: Buffer,
  load: Body,
  layout: CsvLayout | undefined,
  fields: Field[] | undefined,
): Iterable<TextRow> {
  return layout ? rowsFromCsv(text, load, layout, fields) : rowsFromJson(text)
}

/** The schema of the first file's first rows. Its names meet the rules for columns. */
function detected(texts: readonly Buffer[], load: Body, layout: CsvLayout | undefined): Field[] {
  const sample = [...take(goodRows(texts[0] ?? Buffer.alloc(0), load, layout), SAMPLE_ROWS)]
  const names = layout?.names ?? []
  const empty = Object.fromEntries(names.map((name) => [name, null]))
  if (new Set(names).size < names.length) {
    const twin = names.find((name, index) => names.indexOf(name) < index)
    throw new GoogleError('INVALID_ARGUMENT', `Duplicate column name: '${twin}'.`, { reason: 'invalid' })
  }
  return parseFields(detectFields(sample.length > 0 ? sample : [empty]))
}

function* goodRows(text: Buffer, load: Body, layout: CsvLayout | undefined): Generator<Record<string, unknown>> {
  for (const { values } of rowsOf(text, load, layout, undefined)) if (!(values instanceof BadValue)) yield values
}
