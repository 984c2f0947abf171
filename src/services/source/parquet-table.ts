import { appendFile, chmod, copyFile, open, truncate } from 'node:fs/promises'
import path from 'node:path'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import { errnoText } from '../../contracts/file-kind.ts'
import { columnNames } from './column-names.ts'
import { sourceColumns, type SourceColumns, type SourceField } from './columns.ts'
import { geoColumns, nativeShapes } from './geo-parquet.ts'
import { isNativeShape, loadedField, member, parquetElements, type ParquetElement } from './parquet-schema.ts'
import { notWritable } from './scratch-folder.ts'
import type { Shapes } from './source-field.ts'
import type { PrepareOptions } from './text-table.ts'
import { readStruct, writeStruct, type ThriftList, type ThriftStruct } from './thrift.ts'

/** A Parquet file as BigQuery loads it. */
interface PreparedParquet {
  file: string
  fields: readonly SourceField[]
  columns: SourceColumns
  warnings: string[]
}

interface Column {
  element: ParquetElement
  field: SourceField
  /** Why BigQuery does not load it. */
  problem: string | undefined
}

/**
 * Makes a Parquet file one that BigQuery loads: columns of other types are left out, and names that BigQuery does not take
 * are changed. Only the description at the file's end is written again; the values stay where they are. A file that needs
 * no change is loaded as it is.
 *
 * @throws ImageryError SOURCE_UNSUPPORTED or COLUMN_NOT_FOUND, before anything is created
 */
export async function prepareParquet(
  { given, file }: { given: string; file: string },
  options: PrepareOptions,
): Promise<PreparedParquet> {
  const { footer, start } = await readFooter(given, file)
  const columns = described(given, () => describeColumns(footer))
  const kept = columns.filter(({ problem }) => problem === undefined)
  // A column that is left out must be found too: another one with a common name is not what the user means.
  const { assetColumn, imageColumn } = sourceColumns(
    given,
    columns.map(({ field }) => field),
    options.flags,
  )
  const missed = columns.filter(
    ({ field, problem }) => problem !== undefined && [assetColumn, imageColumn].includes(field.name!),
  )
  if (missed.length > 0) throw notLoaded(given, missed, columns)
  const fields = kept.map(({ field }) => field)
  const { guesses, ...found } = sourceColumns(given, fields, options.flags)
  const leftOut = columns.filter(({ problem }) => problem !== undefined)
  const warnings = leftOut.length === 0 ? guesses : [...guesses, leftOutWarning(given, leftOut, columns)]
  const isUnchanged =
    leftOut.length === 0 &&
    kept.every(({ element, field }) => element.name === field.name && field.shapes === undefined)
  if (isUnchanged) return { file, fields, columns: found, warnings }
  const changed = path.join(options.scratch, 'table.parquet')
  const ending = described(given, () => footerBytes(newFooter(footer, kept)))
  try {
    await copyFile(file, changed)
    // A copy gets the mode of its original, which may be read-only.
    await chmod(changed, 0o600)
    await truncate(changed, start)
    await appendFile(changed, ending)
  } catch (error) {
    throw notWritable(options.scratch, error)
  }
  return { file: changed, fields, columns: found, warnings }
}

/** The columns that the metadata of GeoParquet describes. BigQuery would make GEOGRAPHY of them, and load no damaged one. */
function shapes(footer: ThriftStruct): ReadonlyMap<string, Shapes> {
  const metadata = member(footer, FILE.metadata) as ThriftList | undefined
  const geo = metadata?.items.find((item) => String(member(item as ThriftStruct, 1)) === 'geo') as
    | ThriftStruct
    | undefined
  return geoColumns(String(geo && member(geo, 2)))
}

const MAGIC = 'PAR1'
/** The length of the footer, and the magic letters. */
const TAIL_BYTES = 8

async function readFooter(given: string, file: string): Promise<{ footer: ThriftStruct; start: number }> {
  const handle = await open(file).catch((error: unknown) => {
    throw new ImageryError('FILE_NOT_FOUND', `${given} cannot be read: ${errnoText(error)}`, { cause: error })
  })
  try {
    const { size } = await handle.stat()
    const tail = Buffer.alloc(TAIL_BYTES)
    if (size > TAIL_BYTES) await handle.read(tail, 0, TAIL_BYTES, size - TAIL_BYTES)
    const magic = tail.toString('latin1', 4)
    if (magic === 'PARE') throw unreadable(given, 'it is encrypted')
    const length = tail.readUInt32LE(0)
    const start = size - TAIL_BYTES - length
    if (magic !== MAGIC || start < MAGIC.length) throw unreadable(given, 'it is not in Parquet format, or is cut off')
    const bytes = Buffer.alloc(length)
    await handle.read(bytes, 0, length, start)
    return { footer: readStruct(bytes), start }
  } catch (error) {
    throw error instanceof RangeError ? unreadable(given, 'its description is damaged', error) : error
  } finally {
    await handle.close()
  }
}

/** Reads a part of the footer. Where it is damaged, a part can be missing or be another thing, which only its use shows. */
function described<Result>(given: string, read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    throw unreadable(given, 'its description is damaged', error)
  }
}

function unreadable(given: string, why: string, cause?: unknown): ImageryError {
  return new ImageryError('SOURCE_UNSUPPORTED', `${given} cannot be read as PARQUET: ${why}`, {
    suggestions: [
      `duckdb -c ${shellWord(`DESCRIBE FROM read_parquet('${given}')`)}   (shows whether another program can read it)`,
    ],
    ...(cause === undefined ? {} : { cause }),
  })
}

function describeColumns(footer: ThriftStruct): Column[] {
  const elements = parquetElements(member(footer, 2) as ThriftList)
  const names = columnNames(elements.map(({ name }) => name))
  const geo = shapes(footer)
  return elements.map((element, index) => {
    const loaded = loadedField(element)
    const name = names[index]!
    const shown = name === element.name ? {} : { header: element.name }
    if (typeof loaded === 'string') return { element, field: { name, type: 'STRING', ...shown }, problem: loaded }
    const held = geo.get(element.name) ?? (isNativeShape(element) ? nativeShapes(element.crs) : undefined)
    const field = { ...loaded, name, ...shown, ...(held ? { shapes: held } : {}) }
    return { element, field, problem: undefined }
  })
}

/** The fields of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData that change: `parquet.thrift`. */
const FILE = { schema: 2, rowGroups: 4, metadata: 5, columnOrders: 7 }
const GROUP = { columns: 1, sorting: 4 }
/** A field of SchemaElement. */
const LOGICAL_TYPE = 10

function newFooter(footer: ThriftStruct, kept: readonly Column[]): ThriftStruct {
  const leaves = (items: ThriftList['items']): ThriftList['items'] =>
    kept.flatMap(({ element }) => items.slice(element.firstLeaf, element.endLeaf))
  return footer.flatMap((field) => {
    const list = field.value as ThriftList
    // What other programs noted about the columns, by number, is no longer true.
    if (field.id === FILE.metadata) return []
    if (field.id === FILE.schema)
      return [{ ...field, value: { ...list, items: newSchema(list.items as ThriftStruct[], kept) } }]
    if (field.id === FILE.columnOrders) return [{ ...field, value: { ...list, items: leaves(list.items) } }]
    if (field.id !== FILE.rowGroups) return [field]
    const groups = list.items.map((group) => newGroup(group as ThriftStruct, leaves, kept))
    return [{ ...field, value: { ...list, items: groups } }]
  })
}

function newSchema([root, ...others]: ThriftStruct[], kept: readonly Column[]): ThriftStruct[] {
  const columns = kept.flatMap(({ element, field }) => {
    const [own, ...below] = [root!, ...others].slice(element.first, element.end)
    const named = replaced(own!, 4, Buffer.from(field.name!))
    // Shapes are loaded as the bytes that they are.
    return [isNativeShape(element) ? named.filter(({ id }) => id !== LOGICAL_TYPE) : named, ...below]
  })
  return [replaced(root!, 5, BigInt(kept.length)), ...columns]
}

function newGroup(
  group: ThriftStruct,
  leaves: (items: ThriftList['items']) => ThriftList['items'],
  kept: readonly Column[],
): ThriftStruct {
  const names = kept.flatMap(({ element, field }) =>
    Array.from({ length: element.endLeaf - element.firstLeaf }, () => Buffer.from(field.name!)),
  )
  return group.flatMap((field) => {
    if (field.id === GROUP.sorting) return []
    if (field.id !== GROUP.columns) return [field]
    const list = field.value as ThriftList
    const chunks = leaves(list.items).map((chunk, index) => {
      const struct = chunk as ThriftStruct
      const metadata = member(struct, 3) as ThriftStruct | undefined
      if (!metadata) return struct
      const place = member(metadata, 3) as ThriftList
      const newPlace = { ...place, items: [names[index]!, ...place.items.slice(1)] }
      return replaced(struct, 3, replaced(metadata, 3, newPlace))
    })
    return [{ ...field, value: { ...list, items: chunks } }]
  })
}

function replaced(struct: ThriftStruct, id: number, value: ThriftStruct[number]['value']): ThriftStruct {
  return struct.map((field) => (field.id === id ? { ...field, value } : field))
}

function footerBytes(footer: ThriftStruct): Buffer {
  const bytes = writeStruct(footer)
  const length = Buffer.alloc(4)
  length.writeUInt32LE(bytes.length)
  return Buffer.concat([bytes, length, Buffer.from(MAGIC)])
}

/** How DuckDB turns a column that BigQuery does not load into one that it does. */
function converting({ element: { name }, problem = '' }: Column): string {
  const column = `"${name.replaceAll('"', '""')}"`
  const type = problem.startsWith('TIMESTAMP') ? 'TIMESTAMP' : problem === 'FLOAT16' ? 'FLOAT' : 'VARCHAR'
  return `${column}::${type} AS ${column}`
}

function fixCommand(given: string, columns: readonly Column[]): string {
  const parts = columns.map(converting).join(', ')
  const query = `COPY (SELECT * REPLACE (${parts}) FROM '${given.replaceAll("'", "''")}') TO 'rows.parquet'`
  return `duckdb -c ${shellWord(query)}   (then --table rows.parquet)`
}

function shownColumns(columns: readonly Column[]): string {
  return columns.map(({ element, problem }) => `${element.name} (${problem})`).join(', ')
}

function notLoaded(given: string, missed: readonly Column[], columns: readonly Column[]): ImageryError {
  const noun = missed.length === 1 ? 'a column whose type' : 'columns whose types'
  return new ImageryError(
    'SOURCE_UNSUPPORTED',
    `${given} has ${noun} BigQuery does not load from Parquet: ${shownColumns(missed)}`,
    {
      suggestions: [
        fixCommand(
          given,
          columns.filter(({ problem }) => problem !== undefined),
        ),
      ],
    },
  )
}

/** Columns whose content a snapshot takes too, so that the user may miss it. */
const USED = new Set(['observation_id', 'snapshot_id', 'location', 'detection_time', 'capture_time'])

function leftOutWarning(given: string, leftOut: readonly Column[], columns: readonly Column[]): string {
  const used = leftOut.filter(({ field }) => USED.has(field.name!.toLowerCase()))
  const [verb, reason] = leftOut.length === 1 ? ['column is', 'its type'] : ['columns are', 'their types']
  const fix =
    used.length > 0
      ? `. To use ${used.map(({ element }) => element.name).join(', ')}: ${fixCommand(
          given,
          columns.filter(({ problem }) => problem !== undefined),
        )}`
      : ''
  return `${leftOut.length} ${verb} left out of ${given}, because BigQuery does not load ${reason}: ${shownColumns(leftOut)}${fix}`
}
