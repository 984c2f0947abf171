import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { TableField } from '../../../src/google/bigquery/bigquery.ts'
import { parquetPieces } from '../../../src/services/results/parquet.ts'
import type { Row } from '../../../src/services/results/read-rows.ts'
import { everySeed, FUZZ_TIMEOUT_MS, type Dice } from './seeds.ts'

let folder: string
let duckdb: DuckDBConnection
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-parquet-'))
  duckdb = await (await DuckDBInstance.create(':memory:')).connect()
})
afterAll(async () => {
  duckdb.closeSync()
  await rm(folder, { recursive: true })
})

const digits = (value: number, count: number): string => String(value).padStart(count, '0')
const anyDay = (dice: Dice): string =>
  `${digits(1 + dice.below(9_999), 4)}-${digits(1 + dice.below(12), 2)}-${digits(1 + dice.below(28), 2)}`
const anyTime = (dice: Dice): string =>
  `${digits(dice.below(24), 2)}:${digits(dice.below(60), 2)}:${digits(dice.below(60), 2)}.${digits(dice.below(1e6), 6)}`
const anySign = (dice: Dice): string => dice.pick(['', '-'])

/** DuckDB's type of each of BigQuery's, and any value of it as the results have it in JSON. */
const TYPES: Record<string, [inDuckDb: string, any: (dice: Dice) => unknown]> = {
  STRING: ['VARCHAR', (dice) => (dice.chance(20) ? '' : dice.text(80))],
  INTEGER: [
    'BIGINT',
    (dice) => dice.pick([dice.below(9) - 4, dice.below(2 ** 53), -dice.below(2 ** 53), '-9223372036854775808']),
  ],
  FLOAT: ['DOUBLE', (dice) => dice.pick([0, dice.below(1e9) / 7, -1e-300, 'NaN', 'Infinity', '-Infinity'])],
  BOOLEAN: ['BOOLEAN', (dice) => dice.chance(50)],
  TIMESTAMP: ['TIMESTAMPTZ', (dice) => `${anyDay(dice)}T${anyTime(dice)}Z`],
  DATETIME: ['TIMESTAMP', (dice) => `${anyDay(dice)}T${anyTime(dice)}`],
  DATE: ['DATE', anyDay],
  TIME: ['TIME', anyTime],
  NUMERIC: [
    'DECIMAL(38, 9)',
    (dice) => `${anySign(dice)}${dice.below(1e9)}${digits(dice.below(1e9), 9)}.${dice.below(1e9)}`,
  ],
  // DuckDB writes control characters of JSON in its own form.
  JSON: ['JSON', (dice) => dice.pick([{ ä: [dice.below(9), null, {}] }, [], '"text"', 1.5, true])],
  GEOGRAPHY: ['VARCHAR', (dice) => `POINT(${dice.below(180)} ${dice.below(90)})`],
}

function anyField(dice: Dice, name: string, depth: number): TableField {
  const mode = dice.chance(30) ? { mode: 'REPEATED' } : {}
  if (depth === 0 || dice.chance(60)) return { name, type: dice.pick(Object.keys(TYPES)), ...mode }
  const fields = Array.from({ length: 1 + dice.below(4) }, (_, index) => anyField(dice, `m${index}`, depth - 1))
  return { name, type: 'RECORD', fields, ...mode }
}

function anyValue(dice: Dice, field: TableField, nulls: number): unknown {
  if (field.mode !== 'REPEATED') return dice.chance(nulls) ? null : anyItem(dice, field, nulls)
  return Array.from({ length: dice.pick([0, 0, 1, 2, 5]) }, () => anyItem(dice, field, nulls))
}

function anyItem(dice: Dice, { type, fields }: TableField, nulls: number): unknown {
  return fields ? anyRow(dice, fields, nulls) : TYPES[type ?? '']![1](dice)
}

function anyRow(dice: Dice, fields: readonly TableField[], nulls: number): Row {
  return Object.fromEntries(fields.map((field) => [field.name, anyValue(dice, field, nulls)]))
}

function inDuckDb({ type, mode, fields }: TableField): string {
  const members = fields?.map((field) => `${field.name} ${inDuckDb(field)}`)
  const one = members ? `STRUCT(${members.join(', ')})` : TYPES[type ?? '']![0]
  return mode === 'REPEATED' ? `${one}[]` : one
}

async function* pagesOf(dice: Dice, rows: readonly Row[]): AsyncGenerator<Row[]> {
  for (let at = 0; at < rows.length;) {
    const end = at + dice.below(300)
    yield rows.slice(at, end)
    at = end
  }
}

test(
  'any rows are the same in Parquet as in JSON Lines, whatever their columns',
  async () => {
    const lines = path.join(folder, 'rows.jsonl')
    const file = path.join(folder, 'rows.parquet')
    await everySeed(20, async (dice) => {
      const fields = Array.from({ length: 1 + dice.below(8) }, (_, index) => anyField(dice, `c${index}`, 3))
      const nulls = dice.pick([0, 5, 50, 100])
      const rows = Array.from({ length: dice.pick([0, 1, 9, 700]) }, () => anyRow(dice, fields, nulls))
      await writeFile(lines, rows.map((row) => `${JSON.stringify(row)}\n`).join('') || '\n')
      await writeFile(file, parquetPieces(fields, pagesOf(dice, rows), { isGeo: false }))
      const columns = fields.map((field) => `${field.name}: '${inDuckDb(field)}'`)
      const inJson = `read_json('${lines}', format = 'newline_delimited', columns = {${columns.join(', ')}})`
      const count = async (query: string): Promise<number> =>
        Number((await duckdb.runAndReadAll(`SELECT count(*) FROM (${query})`)).getRows()[0]![0])
      expect(await count(`FROM '${file}'`)).toBe(rows.length)
      expect(await count(`FROM ${inJson} EXCEPT ALL FROM '${file}'`)).toBe(0)
    })
  },
  FUZZ_TIMEOUT_MS,
)
