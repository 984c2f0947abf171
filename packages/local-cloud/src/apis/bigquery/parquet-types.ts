import { GoogleError, notEmulated } from '../../kernel/errors.ts'
import type { ParquetNode } from './parquet-schema.ts'
import type { ScalarType } from './values-in.ts'

export interface ParquetOptions {
  enableListInference: boolean
  enumAsString: boolean
  /** Whether a MAP is an array of its entries. */
  mapsAreArrays: boolean
  decimalTargetTypes: readonly DecimalTarget[]
}

type DecimalTarget = 'NUMERIC' | 'BIGNUMERIC' | 'STRING'

/**
 * The column types of a Parquet type and what it stands for, the one that a schema gets first, and those that an explicit
 * schema can ask for. Anything else is not supported:
 * https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#type_conversions. The page does not list TIME,
 * which has been loaded since googleapis/python-bigquery#667, nor DATETIME (googleapis/python-bigquery#56).
 */
const CONVERSIONS: Record<string, readonly ScalarType[]> = {
  BOOLEAN: ['BOOLEAN'],
  INT32: ['INTEGER'],
  'INT32 INT_8': ['INTEGER'],
  'INT32 INT_16': ['INTEGER'],
  'INT32 INT_32': ['INTEGER'],
  'INT32 UINT_8': ['INTEGER'],
  'INT32 UINT_16': ['INTEGER'],
  'INT32 UINT_32': ['INTEGER'],
  'INT32 DATE': ['DATE'],
  'INT32 TIME_MILLIS': ['TIME'],
  INT64: ['INTEGER'],
  'INT64 INT_64': ['INTEGER'],
  'INT64 UINT_64': ['INTEGER'],
  'INT64 TIME_MICROS': ['TIME'],
  'INT64 TIMESTAMP_MILLIS': ['TIMESTAMP', 'DATETIME'],
  'INT64 TIMESTAMP_MICROS': ['TIMESTAMP', 'DATETIME'],
  INT96: ['TIMESTAMP', 'DATETIME'],
  FLOAT: ['FLOAT'],
  DOUBLE: ['FLOAT'],
  BYTE_ARRAY: ['BYTES', 'STRING'],
  'BYTE_ARRAY UTF8': ['STRING', 'BYTES'],
  FIXED_LEN_BYTE_ARRAY: ['BYTES'],
  // A column that the metadata of GeoParquet names: the page's section on geospatial data.
  'BYTE_ARRAY GEOPARQUET': ['GEOGRAPHY', 'BYTES'],
}

const DECIMALS = new Set(['INT32', 'INT64', 'FIXED_LEN_BYTE_ARRAY'])

/** The column types that a scalar can become, its own first. Throws what BigQuery answers for a type that it does not load. */
export function columnTypes(node: ParquetNode, options: ParquetOptions): readonly ScalarType[] {
  const { type = '', logical } = node
  if (logical === 'DECIMAL' && DECIMALS.has(type)) return decimalTypes(node, options)
  if (logical === 'ENUM' && type === 'BYTE_ARRAY')
    return options.enumAsString ? ['STRING', 'BYTES'] : ['BYTES', 'STRING']
  const known = CONVERSIONS[logical === undefined ? type : `${type} ${logical}`]
  if (known) return known
  throw new GoogleError(
    'INVALID_ARGUMENT',
    // The words of fraugster/parquet-go#61.
    `Error while reading data, error message: Column ${node.path} has an unexpected logical type: ${logical ?? type}.`,
    { reason: 'invalid' },
  )
}

/** Integer and fractional digits: https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#decimal_types */
const DIGITS = { NUMERIC: { whole: 29, fraction: 9 }, BIGNUMERIC: { whole: 38, fraction: 38 } } as const
/** DuckDB's longest decimal. */
const MOST_DIGITS = 38

/**
 * The first type of the list that holds the precision and the scale, else the widest one
 * (https://cloud.google.com/bigquery/docs/reference/rest/v2/Job#JobConfigurationLoad.FIELDS.decimal_target_types).
 */
function decimalTypes({ path, precision, scale }: ParquetNode, { decimalTargetTypes }: ParquetOptions): ScalarType[] {
  if (precision > MOST_DIGITS) throw notEmulated(`a Parquet decimal of ${precision} digits (column ${path})`)
  const listed = (['NUMERIC', 'BIGNUMERIC', 'STRING'] as const).filter((type) => decimalTargetTypes.includes(type))
  const holds = (type: DecimalTarget): boolean =>
    type === 'STRING' || (precision - scale <= DIGITS[type].whole && scale <= DIGITS[type].fraction)
  const own = listed.find(holds) ?? listed.at(-1) ?? 'NUMERIC'
  return [own, ...(['NUMERIC', 'BIGNUMERIC', 'STRING'] as const).filter((type) => type !== own)]
}
