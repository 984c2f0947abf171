import { describe, expect, test } from 'vitest'
import { conditionFault } from '../../../src/contracts/condition.ts'
import { snapshotQuery, type SnapshotSource } from '../../../src/run-data/sql/snapshot.ts'

const SOURCE: SnapshotSource = {
  path: 'demo.street.signs',
  unit: 'asset',
  images: { max_per_unit: 1, pick: 'latest' },
  assetColumn: 'asset_id',
  imageColumn: 'gcs_uri',
  imagePrefix: null,
  hasObservationId: false,
  hasSnapshotId: false,
  location: 'absent',
  detectionTime: 'absent',
  captureTime: 'absent',
  where: null,
  limit: null,
  sample: null,
}

/** Each would be more than one expression where a query puts it, `WHERE … AND (\n<condition>\n)`. */
const ESCAPES: Record<string, string> = {
  'a union with another table': '1=1) UNION ALL SELECT secret FROM demo.hr.people WHERE (1=1',
  'a union that hides the rest': '1=1) UNION ALL SELECT secret FROM demo.hr.people --',
  'a second statement': "TRUE); DROP TABLE demo.street.signs; SELECT ('",
  'a second statement without brackets': 'TRUE; DROP TABLE demo.street.signs',
  'a script': 'TRUE); BEGIN EXPORT DATA OPTIONS(uri="gs://mine/*.csv") AS SELECT 1; END; SELECT (1',
  'a comment that is not closed': 'TRUE /* ',
  'a text that is not closed': "kind = '",
  'a text that would end on the next line': "kind = 'a\n' OR TRUE",
  'a raw string whose backslash only one reader treats as an escape': String.raw`kind = r'\'`,
  'a name that is not closed': '`kind',
  'long quotes that are closed by short ones': `kind = """a" ) OR (TRUE`,
  'a bracket inside a comment': 'TRUE /* ( */ ) OR (TRUE',
  'brackets of different kinds': '([TRUE)]',
  'a bracket that is not closed': '(TRUE',
  'a lone carriage return, which ends a comment for some': 'TRUE -- \r) OR (TRUE',
  'a line separator of another alphabet': 'TRUE -- \u0085) OR (TRUE',
  'a character that ends texts in C': 'TRUE \0',
  nothing: ' \n',
}

/** Each is one expression, whatever it looks like. */
const WHOLE = [
  "asset_type = 'ASSET_CLASS_ROAD_SIGN' AND detection_time > TIMESTAMP '2026-01-01'",
  "kind IN ('a)', 'b;', '-- c', '/* d')",
  String.raw`note = 'it\'s' OR note = "say \"hi\"" OR note = r'\d+\''`,
  "note = '''several\nlines ) of 'text' '''",
  'note = """ " ) """',
  '`odd) name` = 1 AND `a;b` = [1, 2][OFFSET(0)]',
  "REGEXP_CONTAINS(gcs_uri, r'^gs://[^/]+/(a|b)\\.jpg$')",
  'TRUE -- a remark )',
  'TRUE # a remark ;',
  'TRUE /* a remark ) ; */ AND\r\n FALSE',
  '(((a = 1)))',
  'kind IN (SELECT kind FROM demo.street.chosen)',
]

describe('a condition', () => {
  test.each(Object.entries(ESCAPES))('is refused when it is %s', (_what, condition) => {
    expect(conditionFault(condition)).toMatch(/^(has|opens|is empty)/)
    expect(() => snapshotQuery({ ...SOURCE, where: condition })).toThrow(RangeError)
  })

  test.each(WHOLE)('is accepted when it is one expression: %s', (condition) => {
    expect(conditionFault(condition)).toBeUndefined()
    expect(snapshotQuery({ ...SOURCE, where: condition })).toContain(`AND (\n${condition}\n)`)
  })
})
