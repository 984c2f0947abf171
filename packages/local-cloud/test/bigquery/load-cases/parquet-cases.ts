import { parquetFile, plain, type WrittenColumn } from '../parquet-fixture.ts'
import { PAGES, type LoadCase } from './load-case.ts'

const types = `${PAGES.parquet}#type_conversions`
const lists = `${PAGES.parquet}#list_logical_type`
const decimals = `${PAGES.load}decimal_target_types`
const unsupported = types

/** A file of two rows with an ID and one more column, `x`. */
function withColumn(column: Partial<WrittenColumn> & Pick<WrittenColumn, 'type' | 'values'>): Buffer {
  const id: WrittenColumn = { name: 'id', type: 6, converted: 0, values: ['a', 'b'].map(plain.text) }
  return parquetFile([id, { name: 'x', ...column }], 2)
}

const NANOS: WrittenColumn['logical'] = [
  8,
  [
    [1, 'bool', true],
    [2, 'struct', [[3, 'struct', []]]],
  ],
]
const bytes = (length: number): Buffer[] => [Buffer.alloc(length, 1), Buffer.alloc(length, 2)]
const GEO = {
  version: '1.1.0',
  primary_column: 'geometry',
  columns: { geometry: { encoding: 'WKB', geometry_types: ['Point'] } },
}
const POINT = Buffer.from('0101000000000000000000f03f0000000000000040', 'hex')

/** Parquet, whose schema is its own. */
export const PARQUET_CASES: readonly LoadCase[] = [
  {
    says: 'BOOLEAN, FLOAT, DOUBLE, STRING and BYTE_ARRAY become BOOLEAN, FLOAT, STRING and BYTES',
    source: types,
    content: { select: "true AS a, 1.5::FLOAT AS b, 2.5::DOUBLE AS c, 'x' AS d, '\\xFF'::BLOB AS e" },
    schema: ['a BOOLEAN', 'b FLOAT', 'c FLOAT', 'd STRING', 'e BYTES'],
    rows: ['{"a":true,"b":1.5,"c":2.5,"d":"x","e":"/w=="}'],
  },
  {
    says: 'Integers of every width, signed or not, become INTEGER',
    source: types,
    content: {
      select: '1::TINYINT AS a, 2::USMALLINT AS b, 4294967295::UINTEGER AS c, 5::UBIGINT AS d, -6::BIGINT AS e',
    },
    schema: ['a INTEGER', 'b INTEGER', 'c INTEGER', 'd INTEGER', 'e INTEGER'],
    rows: ['{"a":1,"b":2,"c":4294967295,"d":5,"e":-6}'],
  },
  {
    says: 'An unsigned 64-bit integer above the maximum INTEGER is an error',
    source: `${PAGES.parquet}#unsigned_logical_types`,
    content: { select: '9223372036854775808::UBIGINT AS a' },
    error: [/9223372036854775808|out of range/i],
  },
  {
    says: 'DATE and timestamps of milliseconds and microseconds become DATE and TIMESTAMP, in UTC or not',
    source: types,
    content: {
      select:
        "DATE '2024-01-02' AS a, TIMESTAMP_MS '2024-01-01 00:00:00.5' AS b, TIMESTAMP '2024-01-01' AS c, TIMESTAMPTZ '2024-01-01 00:00:00+00' AS d",
    },
    schema: ['a DATE', 'b TIMESTAMP', 'c TIMESTAMP', 'd TIMESTAMP'],
    rows: ['{"a":"2024-01-02","b":"2024-01-01T00:00:00.500Z","c":"2024-01-01T00:00:00Z","d":"2024-01-01T00:00:00Z"}'],
  },
  {
    says: 'INT96 becomes TIMESTAMP',
    source: types,
    content: withColumn({ type: 3, values: [plain.int96(43_200_000_000_000n, 2_460_311), plain.int96(0n, 2_440_588)] }),
    schema: ['id STRING REQUIRED', 'x TIMESTAMP REQUIRED'],
    rows: ['{"id":"a","x":"2024-01-01T12:00:00Z"}', '{"id":"b","x":"1970-01-01T00:00:00Z"}'],
  },
  {
    says: 'FIXED_LEN_BYTE_ARRAY becomes BYTES',
    source: types,
    content: withColumn({ type: 7, length: 2, values: bytes(2) }),
    schema: ['id STRING REQUIRED', 'x BYTES REQUIRED'],
    rows: ['{"id":"a","x":"AQE="}', '{"id":"b","x":"AgI="}'],
  },
  {
    says: 'A timestamp before the year 1 is an error',
    source: 'https://github.com/googleapis/python-bigquery/issues/61',
    content: { select: "TIMESTAMP '0001-01-01' - INTERVAL 1 DAY AS x" },
    error: [/Invalid \w+ value/],
  },
  {
    says: 'TIME becomes TIME',
    source: 'https://github.com/googleapis/python-bigquery/issues/667',
    content: { select: "TIME '12:00:00.5' AS x" },
    schema: ['x TIME'],
    select: 'STRUCT(CAST(x AS STRING) AS x)',
    rows: ['{"x":"12:00:00.500"}'],
  },
  {
    says: 'A DECIMAL becomes NUMERIC by default',
    source: decimals,
    content: { select: '1.25::DECIMAL(5,2) AS a, 2.5::DECIMAL(15,2) AS b, 3.5::DECIMAL(38,9) AS c' },
    schema: ['a NUMERIC', 'b NUMERIC', 'c NUMERIC'],
    select: 'STRUCT(CAST(a AS STRING) AS a, CAST(b AS STRING) AS b, CAST(c AS STRING) AS c)',
    rows: ['{"a":"1.25","b":"2.5","c":"3.5"}'],
  },
  {
    says: 'A DECIMAL of more digits than NUMERIC has is still NUMERIC by default, if its values fit',
    source: decimals,
    content: { select: '1.5::DECIMAL(38,12) AS x' },
    schema: ['x NUMERIC'],
    select: 'STRUCT(CAST(x AS STRING) AS x)',
    rows: ['{"x":"1.5"}'],
  },
  {
    says: 'A value that does not fit is an error',
    source: decimals,
    content: { select: '123456789012345678901234567890::DECIMAL(38,0) AS x' },
    error: [/NUMERIC/],
  },
  {
    says: 'With decimalTargetTypes, the first type that holds the digits is taken: (38,9) NUMERIC, (38,10) BIGNUMERIC',
    source: decimals,
    content: { select: '1.5::DECIMAL(38,9) AS a, 1.25::DECIMAL(38,10) AS b' },
    options: { decimalTargetTypes: ['BIGNUMERIC', 'NUMERIC'] },
    schema: ['a NUMERIC', 'b BIGNUMERIC'],
    select: 'STRUCT(CAST(a AS STRING) AS a, b IS NULL AS is_null)',
    rows: ['{"a":"1.5","is_null":false}'],
  },
  {
    says: 'STRING supports every decimal',
    source: decimals,
    content: { select: '1.25::DECIMAL(38,12) AS x' },
    options: { decimalTargetTypes: ['STRING'] },
    schema: ['x STRING'],
    rows: ['{"x":"1.25"}'],
  },
  {
    says: 'An ENUM is BYTES by default',
    source: `${PAGES.parquet}#enum_logical_type`,
    content: withColumn({ type: 6, converted: 4, values: ['red', 'blue'].map(plain.text) }),
    schema: ['id STRING REQUIRED', 'x BYTES REQUIRED'],
    rows: ['{"id":"a","x":"cmVk"}', '{"id":"b","x":"Ymx1ZQ=="}'],
  },
  {
    says: 'An ENUM is STRING with enumAsString',
    source: PAGES.parquetOptions,
    content: withColumn({ type: 6, converted: 4, values: ['red', 'blue'].map(plain.text) }),
    options: { parquetOptions: { enumAsString: true } },
    schema: ['id STRING REQUIRED', 'x STRING REQUIRED'],
    rows: ['{"id":"a","x":"red"}', '{"id":"b","x":"blue"}'],
  },
  {
    says: 'Nested groups become RECORDs',
    source: types,
    content: { select: "{'a': {'b': 1}, 'c': 'z'} AS x" },
    schema: ['x RECORD (a RECORD (b INTEGER), c STRING)'],
    rows: ['{"x":{"a":{"b":1},"c":"z"}}'],
  },
  {
    says: 'A LIST is a RECORD of its groups by default',
    source: lists,
    content: { select: "['x', 'y'] AS tags" },
    schema: ['tags RECORD (list RECORD REPEATED (element STRING))'],
    rows: ['{"tags":{"list":[{"element":"x"},{"element":"y"}]}}'],
  },
  {
    says: 'A LIST is a repeated column with enableListInference',
    source: lists,
    content: { select: "['x', 'y'] AS tags, [{'k': 1}] AS items, NULL::INTEGER[] AS none" },
    options: { parquetOptions: { enableListInference: true } },
    schema: ['tags STRING REPEATED', 'items RECORD REPEATED (k INTEGER)', 'none INTEGER REPEATED'],
    rows: ['{"tags":["x","y"],"items":[{"k":1}],"none":[]}'],
  },
  {
    says: 'A LIST in an older form is one too',
    source: lists,
    content: withColumn({
      name: 'array',
      type: 1,
      repetition: 2,
      groups: [{ name: 'x', repetition: 1, converted: 3 }],
      values: [1, 2, 3].map(plain.int32),
      levels: { repetition: [0, 1, 0], definition: [2, 2, 2], bits: [1, 2] },
    }),
    options: { parquetOptions: { enableListInference: true } },
    schema: ['id STRING REQUIRED', 'x INTEGER REPEATED'],
    rows: ['{"id":"a","x":[1,2]}', '{"id":"b","x":[3]}'],
  },
  {
    says: 'A repeated column that is no LIST is repeated',
    source: types,
    content: withColumn({
      type: 1,
      repetition: 2,
      values: [1, 2, 3].map(plain.int32),
      levels: { repetition: [0, 1, 0], definition: [1, 1, 1], bits: [1, 1] },
    }),
    schema: ['id STRING REQUIRED', 'x INTEGER REPEATED'],
    rows: ['{"id":"a","x":[1,2]}', '{"id":"b","x":[3]}'],
  },
  {
    says: 'A MAP is a RECORD of its entries by default',
    source: PAGES.parquetOptions,
    content: { select: "MAP {'a': 1} AS m" },
    schema: ['m RECORD (key_value RECORD REPEATED (key STRING REQUIRED, value INTEGER))'],
    rows: ['{"m":{"key_value":[{"key":"a","value":1}]}}'],
  },
  {
    says: 'A MAP is an array of its entries with mapTargetType ARRAY_OF_STRUCT',
    source: PAGES.parquetOptions,
    content: { select: "MAP {'a': 1} AS m" },
    options: { parquetOptions: { mapTargetType: 'ARRAY_OF_STRUCT' } },
    schema: ['m RECORD REPEATED (key STRING REQUIRED, value INTEGER)'],
    rows: ['{"m":[{"key":"a","value":1}]}'],
  },
  ...(
    [
      ['UUID', { type: 7, length: 16, logical: [14, []], values: bytes(16) }],
      ['TIMESTAMP_NANOS', { type: 2, logical: NANOS, values: [plain.int64(1n), plain.int64(2n)] }],
      ['INTERVAL', { type: 7, length: 12, converted: 21, values: bytes(12) }],
      ['FLOAT16', { type: 7, length: 2, logical: [15, []], values: bytes(2) }],
      ['JSON', { type: 6, converted: 19, logical: [12, []], values: ['{}', '1'].map(plain.text) }],
    ] satisfies [string, Partial<WrittenColumn> & Pick<WrittenColumn, 'type' | 'values'>][]
  ).map(([name, column]): LoadCase => ({
    says: `${name} is not among the conversions, and other combinations are not supported`,
    source: unsupported,
    content: withColumn(column),
    error: [`Column x has an unexpected logical type: ${name}.`],
  })),
  {
    says: 'A column whose values are all missing keeps its type',
    source: types,
    content: { select: "'a' AS id, NULL::DOUBLE AS x" },
    schema: ['id STRING', 'x FLOAT'],
    rows: ['{"id":"a","x":null}'],
  },
  {
    says: 'A file without rows gives an empty table with its schema',
    source: `${PAGES.parquet}#parquet_schemas`,
    content: { select: "'a' AS id, 1 AS n WHERE false" },
    schema: ['id STRING', 'n INTEGER'],
    rows: [],
  },
  {
    says: 'The schema is that of the alphabetically last file',
    source: `${PAGES.parquet}#parquet_schemas`,
    content: [{ select: '1 AS n' }, { select: "2 AS n, 'x' AS last" }],
    schema: ['n INTEGER', 'last STRING'],
    rows: ['{"n":1,"last":null}', '{"n":2,"last":"x"}'],
  },
  {
    says: 'A column name with other characters than letters, digits and underscores is an error',
    source: `${PAGES.parquet}#column_name_conversions`,
    content: { select: '\'x\' AS "capture date"' },
    error: ['Invalid field name "capture date"'],
  },
  {
    says: 'columnNameCharacterMap V1 changes such a name',
    source: `${PAGES.load}column_name_character_map`,
    content: { select: '\'x\' AS "capture date"' },
    options: { columnNameCharacterMap: 'V1' },
    schema: ['capture_date STRING'],
    rows: ['{"capture_date":"x"}'],
  },
  {
    says: 'Column names that differ only in case are an error',
    source: `${PAGES.parquet}#column_name_conversions`,
    content: parquetFile(
      ['path', 'PATH'].map((name) => ({ name, type: 6, converted: 0, values: [plain.text('x')] })),
      1,
    ),
    error: [/duplicate/i],
  },
  {
    says: "An explicit schema of another type is an error that names the column and the file's type",
    source: 'https://github.com/broadinstitute/depmap_omics/pull/152',
    content: { select: "'x' AS clndisdbincl" },
    given: ['clndisdbincl INTEGER'],
    error: ["Parquet column 'clndisdbincl' has type BYTE_ARRAY which does not match the target cpp_type INT64."],
  },
  {
    says: 'An explicit schema can make a timestamp DATETIME',
    source: 'https://github.com/googleapis/python-bigquery/issues/56',
    content: { select: "TIMESTAMP '2024-01-01' AS x" },
    given: ['x DATETIME'],
    rows: ['{"x":"2024-01-01T00:00:00"}'],
  },
  {
    says: 'A column that the metadata of GeoParquet describes becomes GEOGRAPHY',
    source: `${PAGES.parquet}#geospatial_data`,
    content: parquetFile([{ name: 'geometry', type: 6, values: [plain.text(POINT)] }], 1, { geo: JSON.stringify(GEO) }),
    schema: ['geometry GEOGRAPHY REQUIRED'],
    select: 'STRUCT(ST_ASTEXT(geometry) AS geometry)',
    rows: ['{"geometry":"POINT(1 2)"}'],
  },
  {
    says: 'A file that is no Parquet is an error',
    source: 'https://cloud.google.com/bigquery/docs/error-messages',
    content: 'id,name\n',
    error: ['Input file is not in Parquet format.'],
  },
]
