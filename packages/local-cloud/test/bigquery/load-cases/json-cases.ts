import { PAGES, type LoadCase } from './load-case.ts'

const BQTAIL = 'https://github.com/viant/bqtail/blob/bdbaab4898aec2308c457299bec2331cb70c2fa4/tail/status/uris_test.go'
const types = `${PAGES.json}#data_types`

/** Newline-delimited JSON. */
export const JSON_CASES: readonly LoadCase[] = [
  {
    says: 'Each line is one object; columns meet the schema by name',
    source: `${PAGES.json}#limitations`,
    content: '{"n":1,"id":"a"}\n{"id":"b"}\n',
    given: ['id STRING', 'n INTEGER'],
    rows: ['{"id":"a","n":1}', '{"id":"b","n":null}'],
  },
  {
    says: 'A number is no STRING in a load, although streaming converts it',
    source: 'https://github.com/googleapis/python-bigquery/issues/906',
    content: '{"name":"a"}\n{"name":3}\n',
    given: ['name STRING'],
    error: [
      'JSON parsing error in row starting at position 13: Could not convert value to string. Field: name; Value: 3',
    ],
  },
  {
    says: 'The list of errors has the count of errors, and the row with its byte offset and file',
    source: BQTAIL,
    content: '{"name":"a"}\n{"name":3}\n',
    given: ['name STRING'],
    error: [
      'JSON processing encountered too many errors, giving up. Rows: 2; errors: 1; max bad: 0; error percent: 0',
      'JSON table encountered too many errors, giving up. Rows: 2; errors: 1. Please look into the errors[] collection for more details.',
    ],
  },
  {
    says: 'A line that is no JSON is an error with its byte offset',
    source: BQTAIL,
    content: '{"a":"x"}\n{"a":"x\n',
    given: ['a STRING'],
    error: ['JSON parsing error in row starting at position 10: '],
  },
  {
    says: 'A name that is no column is an error',
    source: 'https://github.com/apache/beam/issues/25755',
    content: '{"a":"x","user_address":"y"}\n',
    given: ['a STRING'],
    error: ['JSON parsing error in row starting at position 0: No such field: user_address.'],
  },
  {
    says: 'ignoreUnknownValues ignores names that are no columns',
    source: `${PAGES.json}#json-options`,
    content: '{"a":"x","user_address":"y"}\n',
    options: { ignoreUnknownValues: true },
    given: ['a STRING'],
    rows: ['{"a":"x"}'],
  },
  {
    says: 'A repeated column takes an array only',
    source: 'https://github.com/r-dbi/bigrquery/issues/485',
    content: '{"B":"x"}\n',
    given: ['B STRING REPEATED'],
    error: [
      'JSON parsing error in row starting at position 0: Repeated field must be imported as a JSON array. Field: B.',
    ],
  },
  {
    says: 'Only a repeated column takes an array',
    source: 'https://github.com/cal-itp/data-infra/issues/3757',
    content: '{"rtpa":["x"]}\n',
    given: ['rtpa STRING'],
    error: [
      'JSON parsing error in row starting at position 0: Array specified for non-repeated field: rtpa. File: gs://',
    ],
  },
  {
    says: 'An array cannot contain null',
    source: types,
    content: '{"names":["a",null]}\n',
    given: ['names STRING REPEATED'],
    error: ['Only optional fields can be set to NULL. Field: names; Value: NULL'],
  },
  {
    says: 'A null array is an empty one',
    source: types,
    content: '{"names":null}\n',
    given: ['names STRING REPEATED'],
    rows: ['{"names":[]}'],
  },
  {
    says: 'A BOOLEAN can be 1 or 0, and a text',
    source: types,
    content: '{"a":1,"b":"n"}\n{"a":"T","b":false}\n',
    given: ['a BOOLEAN', 'b BOOLEAN'],
    rows: ['{"a":true,"b":false}', '{"a":true,"b":false}'],
  },
  {
    says: 'An INTEGER beyond 2^53 is passed as text',
    source: `${PAGES.json}#limitations`,
    content: '{"n":"9223372036854775807"}\n',
    given: ['n INTEGER'],
    rows: ['{"n":"9223372036854775807"}'],
  },
  {
    says: 'A TIMESTAMP has the forms that it has in CSV',
    source: types,
    content: '{"t":"2018/08/19 12:11"}\n{"t":1534680695}\n',
    given: ['t TIMESTAMP'],
    rows: ['{"t":"2018-08-19T12:11:00Z"}', '{"t":"2018-08-19T12:11:35Z"}'],
  },
  {
    says: 'A JSON column keeps any value',
    source: `${PAGES.json}#limitations`,
    content: '{"j":{"b":[1,{}],"a":null}}\n',
    given: ['j JSON'],
    rows: ['{"j":{"a":null,"b":[1,{}]}}'],
  },
  {
    says: 'The encoding can be ISO-8859-1',
    source: `${PAGES.json}#encoding_types`,
    content: Buffer.from('{"a":"Z\xfcrich"}\n', 'latin1'),
    options: { encoding: 'ISO-8859-1' },
    given: ['a STRING'],
    rows: ['{"a":"Zürich"}'],
  },
  {
    says: 'maxBadRecords rows can be bad',
    source: `${PAGES.json}#json-options`,
    content: '{"n":1}\nnot json\n{"n":3}\n',
    options: { maxBadRecords: 1 },
    given: ['n INTEGER'],
    rows: ['{"n":1}', '{"n":3}'],
    warnings: ['JSON parsing error in row starting at position 8: '],
  },
  {
    says: 'Detection makes an object a RECORD and an array a repeated column',
    source: `${PAGES.detection}#json_nested_and_repeated_fields`,
    content: '{"id":"x","place":{"lat":1.5},"tags":["a","b"],"kids":[{"n":1}]}\n',
    schema: ['id STRING', 'place RECORD (lat FLOAT)', 'tags STRING REPEATED', 'kids RECORD REPEATED (n INTEGER)'],
    rows: ['{"id":"x","place":{"lat":1.5},"tags":["a","b"],"kids":[{"n":1}]}'],
  },
  {
    says: 'Detection converts texts of numbers: identifiers become INTEGER',
    source: `${PAGES.detection}#string_conversion`,
    content: '{"name":"Alice","id":"12"}\n{"name":"Bob","id":"034"}\n',
    schema: ['name STRING', 'id INTEGER'],
    rows: ['{"name":"Alice","id":12}', '{"name":"Bob","id":34}'],
  },
  {
    says: 'Detection cannot make a RECORD of an empty object',
    source: 'https://github.com/bxparks/bigquery-schema-generator/issues/55',
    content: '{"test":"thing","extra":{}}\n',
    error: ['Field extra is type RECORD but has no schema'],
  },
  {
    says: 'There are no arrays of arrays',
    source: 'https://cloud.google.com/bigquery/docs/reference/standard-sql/data-types#array_type',
    content: '{"a":[[1],[2]]}\n',
    error: [/nested arrays/i],
  },
  {
    says: 'A detected column must have a name that columns can have',
    source: PAGES.names,
    content: '{"asset`id":"x"}\n',
    error: ['Invalid field name "asset`id"'],
  },
  {
    says: 'Without a schema or detection, a new table cannot be loaded',
    source: PAGES.detection,
    content: '{"a":"x"}\n',
    options: { autodetect: false },
    error: ['No schema specified on job or table.'],
  },
]
