import type { SourceField } from './columns.ts'
import type { ThriftList, ThriftStruct, ThriftValue } from './thrift.ts'

/** One node of a Parquet file's schema. The numbers are those of https://github.com/apache/parquet-format `parquet.thrift`. */
export interface ParquetElement {
  name: string
  /** Undefined for a group. */
  type: string | undefined
  /** What the type stands for, such as `UUID`. Undefined if it stands for itself. */
  logical: string | undefined
  precision: number
  /** The coordinate system of shapes, if it is not the usual one. */
  crs: string | undefined
  isRepeated: boolean
  children: ParquetElement[]
  /** Where its elements are in the schema: its own, and those below it. */
  first: number
  end: number
  /** Which of the file's columns are below it. */
  firstLeaf: number
  endLeaf: number
}

const TYPES = ['BOOLEAN', 'INT32', 'INT64', 'INT96', 'FLOAT', 'DOUBLE', 'BYTE_ARRAY', 'FIXED_LEN_BYTE_ARRAY']
const CONVERTED = (
  'UTF8 MAP MAP_KEY_VALUE LIST ENUM DECIMAL DATE TIME_MILLIS TIME_MICROS TIMESTAMP_MILLIS TIMESTAMP_MICROS ' +
  'UINT_8 UINT_16 UINT_32 UINT_64 INT_8 INT_16 INT_32 INT_64 JSON BSON INTERVAL'
).split(' ')
/** By number, from 1. There is no 9. */
const LOGICAL =
  'UTF8 MAP LIST ENUM DECIMAL DATE TIME TIMESTAMP - INT UNKNOWN JSON BSON UUID FLOAT16 VARIANT GEOMETRY GEOGRAPHY'.split(
    ' ',
  )
const UNITS: Record<number, string> = { 1: 'MILLIS', 2: 'MICROS', 3: 'NANOS' }

/** Returns a field of a struct, if it has one. */
export function member(struct: ThriftStruct, id: number): ThriftValue | undefined {
  return struct.find((field) => field.id === id)?.value
}

/** Returns the columns that a list of schema elements describes, parents first. */
export function parquetElements({ items }: ThriftList): ParquetElement[] {
  let [next, leaf] = [0, 0]
  const build = (): ParquetElement => {
    const first = next++
    const element = items[first] as ThriftStruct | undefined
    if (!Array.isArray(element)) throw new RangeError('a part of the schema is missing')
    const count = Number((member(element, 5) as bigint | undefined) ?? 0n)
    const type = member(element, 1) as bigint | undefined
    const isGroup = type === undefined
    const firstLeaf = leaf
    const children = Array.from({ length: isGroup ? count : 0 }, build)
    if (!isGroup) leaf += 1
    return {
      name: String((member(element, 4) as Buffer | undefined) ?? ''),
      type: isGroup ? undefined : (TYPES[Number(type)] ?? `type ${type}`),
      logical: logicalType(element),
      crs: coordinateSystem(element),
      precision: Number((member(element, 8) as bigint | undefined) ?? 0n),
      isRepeated: first > 0 && member(element, 3) === 2n,
      children,
      first,
      end: next,
      firstLeaf,
      endLeaf: leaf,
    }
  }
  return build().children
}

function logicalType(element: ThriftStruct): string | undefined {
  const [union] = (member(element, 10) as ThriftStruct | undefined) ?? []
  if (union) {
    const name = LOGICAL[union.id - 1] ?? `logical type ${union.id}`
    const details = union.value as ThriftStruct
    if (name === 'INT') return `${member(details, 2) === true ? 'INT' : 'UINT'}_${String(member(details, 1))}`
    if (name !== 'TIME' && name !== 'TIMESTAMP') return name
    const [unit] = member(details, 2) as ThriftStruct
    return `${name}_${UNITS[unit?.id ?? 0] ?? 'UNIT'}`
  }
  const converted = member(element, 6) as bigint | undefined
  return converted === undefined ? undefined : (CONVERTED[Number(converted)] ?? `converted type ${converted}`)
}

/** Whether a column has Parquet's own type for shapes, whose values are WKB. */
export function isNativeShape({ type, logical }: ParquetElement): boolean {
  return type === 'BYTE_ARRAY' && (logical === 'GEOMETRY' || logical === 'GEOGRAPHY')
}

function coordinateSystem(element: ThriftStruct): string | undefined {
  const [union] = (member(element, 10) as ThriftStruct | undefined) ?? []
  if (!union || !['GEOMETRY', 'GEOGRAPHY'].includes(LOGICAL[union.id - 1] ?? '')) return undefined
  const crs = member(union.value as ThriftStruct, 1)
  return crs === undefined ? undefined : String(crs)
}

/**
 * The types that BigQuery loads. "Other combinations of Parquet types and converted types are not supported"
 * (https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#type_conversions).
 */
const LOADED: Record<string, readonly string[]> = {
  BOOLEAN: ['BOOLEAN'],
  INTEGER:
    'INT32,INT32 INT_8,INT32 INT_16,INT32 INT_32,INT32 UINT_8,INT32 UINT_16,INT32 UINT_32,INT64,INT64 INT_64'.split(
      ',',
    ),
  FLOAT: ['FLOAT', 'DOUBLE'],
  NUMERIC: ['INT32 DECIMAL', 'INT64 DECIMAL', 'FIXED_LEN_BYTE_ARRAY DECIMAL'],
  DATE: ['INT32 DATE'],
  TIMESTAMP: ['INT64 TIMESTAMP_MILLIS', 'INT64 TIMESTAMP_MICROS', 'INT96'],
  STRING: ['BYTE_ARRAY UTF8', 'BYTE_ARRAY ENUM'],
  BYTES: ['BYTE_ARRAY', 'FIXED_LEN_BYTE_ARRAY'],
}
const LOADED_AS = new Map(Object.entries(LOADED).flatMap(([loaded, types]) => types.map((type) => [type, loaded])))

/** A local cloud has no decimals with more digits. */
const MOST_DIGITS = 38
const MEMBER_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,299}$/

/** Returns the field that a column becomes in BigQuery, or what keeps it from being loaded. */
export function loadedField(element: ParquetElement, isMember = false): SourceField | string {
  const { name, type, logical, children } = element
  if (isMember && !MEMBER_NAME.test(name)) return `a member named ${JSON.stringify(name)}`
  const mode = element.isRepeated ? { mode: 'REPEATED' } : {}
  if (type !== undefined) {
    if (isNativeShape(element) && !isMember) return { name, type: 'BYTES', ...mode }
    const loaded = LOADED_AS.get(logical === undefined ? type : `${type} ${logical}`)
    if (loaded === undefined) return logical ?? type
    if (logical === 'DECIMAL' && element.precision > MOST_DIGITS) return `DECIMAL of ${element.precision} digits`
    return { name, type: loaded, ...mode }
  }
  if (children.length === 0) return 'a group without members'
  if (logical === 'LIST') return listField(element)
  const fields = children.map((child) => loadedField(child, true))
  const problem = fields.find((field) => typeof field === 'string')
  if (problem !== undefined) return problem
  if (new Set(children.map((child) => child.name.toLowerCase())).size < children.length) return 'members with one name'
  return { name, type: 'RECORD', ...mode, fields: fields as SourceField[] }
}

/** The older forms too: https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#backward-compatibility-rules */
function listField({ name, children }: ParquetElement): SourceField | string {
  const [repeated] = children
  if (children.length !== 1 || !repeated?.isRepeated) return 'LIST in an unusual form'
  const isElement = repeated.children.length !== 1 || ['array', `${name}_tuple`].includes(repeated.name)
  const element = isElement ? repeated : repeated.children[0]!
  if (element.type === undefined && /^(LIST|MAP)/.test(element.logical ?? '')) return 'LIST of lists or maps'
  const field = loadedField({ ...element, name: 'element', isRepeated: false })
  return typeof field === 'string' ? field : { ...field, name, mode: 'REPEATED' }
}
