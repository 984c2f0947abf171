import { GoogleError, notEmulated } from '../../kernel/errors.ts'

/** One node of a Parquet file's schema: a column, or a group of them. */
export interface ParquetNode {
  name: string
  /** Its names from the file's root on. */
  path: string
  /** BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY or FIXED_LEN_BYTE_ARRAY. Undefined for a group. */
  type: string | undefined
  repetition: 'REQUIRED' | 'OPTIONAL' | 'REPEATED'
  /** What the type stands for, such as `DECIMAL`, `TIMESTAMP_NANOS` or `UUID`. Undefined if it stands for itself. */
  logical: string | undefined
  /** Of a DECIMAL. */
  precision: number
  scale: number
  children: ParquetNode[]
}

/** A row of DuckDB's parquet_schema(). */
export interface SchemaRow {
  name: string
  type: string | null
  repetition_type: string | null
  num_children: bigint | null
  converted_type: string | null
  precision: bigint | null
  scale: bigint | null
  logical_type: string | null
}

/** Builds the tree whose nodes the rows list, parents first. Returns the columns. */
export function parquetColumns(rows: readonly SchemaRow[]): ParquetNode[] {
  let next = 0
  const build = (parent: string): ParquetNode => {
    const row = rows[next++]
    if (!row) throw new GoogleError('INVALID_ARGUMENT', NOT_PARQUET, { reason: 'invalid' })
    const isRoot = next === 1
    const path = isRoot ? '' : parent === '' ? row.name : `${parent}.${row.name}`
    const isGroup = row.num_children !== null && (row.num_children > 0n || row.type === null)
    const node: ParquetNode = {
      name: row.name,
      path,
      type: isGroup ? undefined : (row.type ?? undefined),
      repetition: (row.repetition_type ?? 'REQUIRED') as ParquetNode['repetition'],
      logical: logicalType(row),
      precision: Number(row.precision ?? 0),
      scale: Number(row.scale ?? 0),
      children: [],
    }
    for (let index = 0; isGroup && index < Number(row.num_children); index++) node.children.push(build(path))
    return node
  }
  return build('').children
}

export const NOT_PARQUET = 'Error while reading data, error message: Input file is not in Parquet format.'

/** The logical type, else the older converted type, in one vocabulary. */
function logicalType({ logical_type: logical, converted_type: converted }: SchemaRow): string | undefined {
  if (logical !== null) {
    const unit = /(MILLIS|MICROS|NANOS)=(?!<null>)/.exec(logical)?.[1]
    const name = /^(\w+?)(?:Type)?\(/.exec(logical)?.[1]
    if (name === 'Int') return integerType(logical)
    if (name === 'Null') return 'UNKNOWN'
    const upper = (name ?? logical).toUpperCase()
    if (unit !== undefined) return `${upper}_${unit}`
    return upper === 'STRING' ? 'UTF8' : upper
  }
  return converted ?? undefined
}

function integerType(logical: string): string {
  const bits = /bitWidth=(\d+)/.exec(logical)?.[1] ?? '64'
  return `${/isSigned=(0|false)/.test(logical) ? 'UINT' : 'INT'}_${bits}`
}

/** How a LIST group holds its elements. */
export interface ListShape {
  /** The repeated group, in which each element is wrapped. Undefined if the elements themselves are repeated. */
  wrapper: ParquetNode | undefined
  element: ParquetNode
}

/** The standard form of a LIST, or an older one: https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#lists */
export function listShape(node: ParquetNode): ListShape {
  const [repeated] = node.children
  if (node.children.length !== 1 || repeated?.repetition !== 'REPEATED')
    throw notEmulated(`the Parquet LIST ${node.path}, which has another form than LISTs have`)
  const isElement =
    repeated.children.length !== 1 || repeated.name === 'array' || repeated.name === `${node.name}_tuple`
  return isElement ? { wrapper: undefined, element: repeated } : { wrapper: repeated, element: repeated.children[0]! }
}

/** The group of a MAP that holds its keys and values. */
export function mapEntries(node: ParquetNode): ParquetNode {
  const [entries] = node.children
  if (node.children.length !== 1 || entries?.repetition !== 'REPEATED' || entries.children.length !== 2)
    throw notEmulated(`the Parquet MAP ${node.path}, which has another form than MAPs have`)
  return entries
}
