import { PAGES, type LoadCase } from './load-case.ts'

const TEXTS = ['a STRING', 'b STRING']
const KEBOOLA =
  'https://github.com/keboola/storage-api-php-client/blob/58a0c80d1e96a00d35e645efd086be32e2e3957a/tests/Backend/Bigquery/TableDefinitionOperationsTest.php'
const options = `${PAGES.csv}#csv-options`

/** The values of CSV with a schema. */
export const CSV_VALUE_CASES: readonly LoadCase[] = [
  {
    says: 'A BOOLEAN is 1 or 0, true or false, t or f, yes or no, y or n, in any case',
    source: `${PAGES.csv}#data_types`,
    content: '1,0\nTRUE,False\nt,F\nYes,no\ny,N\n',
    given: ['a BOOLEAN', 'b BOOLEAN'],
    rows: Array.from({ length: 5 }, () => '{"a":true,"b":false}'),
  },
  {
    says: 'A TIMESTAMP has dashes or slashes, a space or T, seconds or none, and an offset, Z, UTC or nothing',
    source: `${PAGES.csv}#data_types`,
    content:
      '2018-08-19 12:11\n2018-08-19 12:11:35.22\n2018/08/19 12:11\n2018-07-05 12:54:00 UTC\n2018-08-19 07:11:35.220 -05:00\n2018-08-19T12:11:35.220Z\n',
    given: ['t TIMESTAMP'],
    rows: [
      '{"t":"2018-08-19T12:11:00Z"}',
      '{"t":"2018-08-19T12:11:35.220Z"}',
      '{"t":"2018-08-19T12:11:00Z"}',
      '{"t":"2018-07-05T12:54:00Z"}',
      '{"t":"2018-08-19T12:11:35.220Z"}',
      '{"t":"2018-08-19T12:11:35.220Z"}',
    ],
  },
  {
    says: 'With a schema, a TIMESTAMP can be Unix time: seconds, or milliseconds where seconds would be too many',
    source: `${PAGES.csv}#data_types`,
    content: '1534680695\n1.534680695e12\n',
    given: ['t TIMESTAMP'],
    rows: ['{"t":"2018-08-19T12:11:35Z"}', '{"t":"2018-08-19T12:11:35Z"}'],
  },
  {
    says: 'A TIMESTAMP without a date is an error',
    source: KEBOOLA,
    content: 'x,2018-08-19 12:11\ny,00:00:00\n',
    given: ['a STRING', 't TIMESTAMP'],
    error: [
      "Could not parse '00:00:00' as a timestamp. Required format is YYYY-MM-DD HH:MM[:SS[.SSSSSS]] or YYYY/MM/DD HH:MM[:SS[.SSSSSS]]",
      'line_number: 2 byte_offset_to_start_of_line: 19',
    ],
  },
  {
    says: 'A TIMESTAMP without a time of day is an error',
    source: `${PAGES.csv}#data_types`,
    content: '2018-08-19\n',
    given: ['t TIMESTAMP'],
    error: ["Could not parse '2018-08-19' as a timestamp"],
  },
  {
    says: 'A DATE has dashes',
    source: `${PAGES.csv}#limitations`,
    content: '2018-08-19\n2018/08/19\n',
    given: ['d DATE'],
    error: ["Could not parse '2018/08/19'", 'line_number: 2'],
  },
  {
    says: 'BYTES are Base64',
    source: `${PAGES.csv}#data_types`,
    content: '/9g=\n',
    given: ['b BYTES'],
    rows: ['{"b":"/9g="}'],
  },
  {
    says: 'Bytes that are no UTF-8 become U+FFFD',
    source: `${PAGES.csv}#encoding`,
    content: Buffer.from('Z\xfcrich,x\n', 'latin1'),
    given: TEXTS,
    rows: ['{"a":"Z\ufffdrich","b":"x"}'],
  },
  {
    says: 'The encoding can be ISO-8859-1',
    source: `${PAGES.csv}#encoding`,
    content: Buffer.from('Z\xfcrich,x\n', 'latin1'),
    options: { encoding: 'ISO-8859-1' },
    given: TEXTS,
    rows: ['{"a":"Zürich","b":"x"}'],
  },
  {
    says: 'The encoding can be UTF-16LE',
    source: `${PAGES.csv}#encoding`,
    content: Buffer.from('Zürich,😀\n', 'utf16le'),
    options: { encoding: 'UTF-16LE' },
    given: TEXTS,
    rows: ['{"a":"Zürich","b":"😀"}'],
  },
  {
    says: 'The encoding can be UTF-16BE',
    source: `${PAGES.csv}#encoding`,
    content: Buffer.from('Zürich,😀\n', 'utf16le').swap16(),
    options: { encoding: 'UTF-16BE' },
    given: TEXTS,
    rows: ['{"a":"Zürich","b":"😀"}'],
  },
  {
    says: 'The encoding can be UTF-32BE',
    source: `${PAGES.csv}#encoding`,
    content: Buffer.from([0, 0, 0, 0xfc, 0, 0, 0, 0x2c, 0, 1, 0xf6, 0]),
    options: { encoding: 'UTF-32BE' },
    given: TEXTS,
    rows: ['{"a":"ü","b":"😀"}'],
  },
  {
    says: 'A byte order mark must be removed before the load; it is data here, wherever it is',
    source: `${PAGES.csv}#limitations`,
    content: '\ufeffx,\ufeffy\n',
    given: TEXTS,
    rows: ['{"a":"\ufeffx","b":"\ufeffy"}'],
  },
  {
    says: 'The character ASCII 0 is an error that gives the byte offset of its line',
    source: 'https://github.com/apache/airflow/issues/24877',
    content: 'x,y\nz,a\0b\n',
    given: TEXTS,
    error: ['row starting at position: 4. Error: Bad character (ASCII 0) encountered.'],
  },
  {
    says: 'preserveAsciiControlCharacters allows ASCII 0',
    source: 'https://github.com/pingcap-inc/tidb2dw/issues/92',
    content: 'z,a\0b\n',
    options: { preserveAsciiControlCharacters: true },
    given: TEXTS,
    rows: ['{"a":"z","b":"a\\u0000b"}'],
  },
  {
    says: 'A gzip file is recognized',
    source: `${PAGES.detection}#compression`,
    content: Buffer.from('H4sIAAAAAAACA6vQqeQCAErDsKAEAAAA', 'base64'),
    given: TEXTS,
    rows: ['{"a":"x","b":"y"}'],
  },
  {
    says: 'Compressed and uncompressed files cannot be in one load',
    source: `${PAGES.csv}#limitations`,
    content: [Buffer.from('H4sIAAAAAAACA6vQqeQCAErDsKAEAAAA', 'base64'), 'z,v\n'],
    given: TEXTS,
    error: [/compressed and uncompressed/],
  },
  {
    says: 'maxBadRecords rows can be bad; the job succeeds and lists them',
    source: options,
    content: '1\nx\n3\n',
    options: { maxBadRecords: 1 },
    given: ['n INTEGER'],
    rows: ['{"n":1}', '{"n":3}'],
    warnings: ['line_number: 2', 'value: "x"'],
  },
  {
    says: 'One bad row more than maxBadRecords ends the load: nothing is written, and the errors count the rows',
    source: `${PAGES.csv}#troubleshoot_parsing_errors`,
    content: '1\nx\ny\n',
    options: { maxBadRecords: 1 },
    given: ['n INTEGER'],
    error: ['CSV processing encountered too many errors, giving up. Rows: 3; errors: 2; max bad: 1; error percent: 0'],
  },
  {
    says: "The job's own error only sends the reader to the list of errors",
    source: 'https://github.com/pingcap-inc/tidb2dw/issues/84',
    content: 'x\n',
    given: ['n INTEGER'],
    error: [
      'CSV table encountered too many errors, giving up. Rows: 1; errors: 1. Please look into the errors[] collection for more details. File: gs://',
    ],
  },
]
