import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ImageryError } from '../../../src/contracts/errors.ts'
import { LocalTables } from '../local-table.ts'
import { damaged } from './damaged.ts'
import { everySeed, FUZZ_TIMEOUT_MS, type Dice } from './seeds.ts'

let tables: LocalTables
let duckdb: DuckDBConnection
beforeAll(async () => {
  tables = await LocalTables.start()
  duckdb = await (await DuckDBInstance.create(':memory:')).connect()
})
afterAll(async () => {
  duckdb.closeSync()
  await tables.close()
})

/** What people's tables have beside the columns that imagery uses; `i` is the row's number. */
const OTHER_COLUMNS = [
  'NULL',
  'uuid()',
  'i::UTINYINT',
  'i::UBIGINT',
  '(i * 1.5)::DECIMAL(38,12)',
  '(i / 7.0)::FLOAT',
  "'nan'::DOUBLE",
  'i % 2 = 0',
  "DATE '2024-01-01' + i::INTEGER",
  "TIME '12:00:00'",
  "TIMESTAMP '2024-01-01 00:00:00'",
  "TIMESTAMP_NS '2024-01-01 00:00:00.123456789'",
  "TIMESTAMPTZ '2024-01-01 00:00:00+02'",
  'INTERVAL (i) DAY',
  "'\\xFF\\x00'::BLOB",
  `'{"a": 1}'::JSON`,
  '[i, NULL]',
  '[]::INTEGER[]',
  '[[i], []]',
  "MAP {'a': i}",
  "{'a': i, 'b': {'c': [i]}}",
  "{'u': uuid()}",
  "CASE WHEN i % 3 = 0 THEN 'x' END",
  "('red')::ENUM('red', 'green')",
  'i::HUGEINT',
]

interface Rows {
  file: string
  /** The images of each asset, in any order. */
  assets: Map<string, string[]>
  rows: number
}

const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`

/** Writes a table with DuckDB: odd columns in any order, any row groups and compression, texts or numbers as IDs. */
async function anyParquet(dice: Dice, seed: number): Promise<Rows> {
  const rows = dice.pick([0, 1, 2, 7, 40])
  const isNumber = dice.chance(30)
  const perAsset = dice.pick([1, 1, 3])
  const assets = new Map<string, string[]>()
  const values: string[] = []
  for (let index = 0; index < rows; index++) {
    const number = String(dice.pick([7n, 731n, 9_007_199_254_740_993n, 0n, -5n]))
    const shown = isNumber
      ? `${BigInt(number) + BigInt(Math.floor(index / perAsset)) * 1_000_000n}`
      : `${number.padStart(5, '0')}-${Math.floor(index / perAsset)}`
    const asset = dice.chance(8) ? undefined : shown
    const image = `photo ${index}'s.jpg`
    if (asset !== undefined) assets.set(asset, [...(assets.get(asset) ?? []), image])
    const id = asset === undefined ? 'NULL' : isNumber ? asset : quoted(asset)
    values.push(`(${index}, ${id}, ${quoted(image)})`)
  }
  if (rows === 0) values.push("(0, NULL, 'x')")
  const columns = dice.shuffled([
    `asset_id::${isNumber ? 'BIGINT' : 'VARCHAR'} AS asset_id`,
    `image::VARCHAR AS ${dice.pick(['image', 'gcs_uri', '"image"'])}`,
    ...dice
      .shuffled(OTHER_COLUMNS)
      .slice(0, dice.below(8))
      .map((value, index) => `${value} AS c${index}`),
  ])
  const file = path.join(tables.folder, `any-${seed}.parquet`)
  const options = [
    'FORMAT parquet',
    `COMPRESSION ${dice.pick(['snappy', 'zstd', 'gzip', 'uncompressed'])}`,
    `PARQUET_VERSION ${dice.pick(['V1', 'V2'])}`,
    `ROW_GROUP_SIZE ${dice.pick([2_048, 100_000])}`,
  ].join(', ')
  const where = rows === 0 ? ' WHERE false' : ''
  await duckdb.run(
    `COPY (SELECT ${columns.join(', ')} FROM (VALUES ${values.join(', ')}) AS t(i, asset_id, image)${where}) TO ${quoted(file)} (${options})`,
  )
  return { file, assets, rows }
}

test(
  'every row of any Parquet file is in the snapshot, whatever other columns it has',
  async () => {
    await everySeed(15, async (dice, seed) => {
      const { file, assets } = await anyParquet(dice, seed)
      const taken = await tables.takeFile(file, { perUnit: 99 })
      expect(taken.units).toHaveLength(assets.size)
      const found = taken.units.map(({ asset, images }) => [asset, images.toSorted()] as const)
      expect(new Map(found)).toEqual(new Map([...assets].map(([asset, images]) => [asset, images.toSorted()])))
    })
  },
  FUZZ_TIMEOUT_MS,
)

test(
  'a Parquet file that is cut off or damaged is loaded or refused by name, and never a fault of imagery',
  async () => {
    await everySeed(30, async (dice, seed) => {
      const { file, rows } = await anyParquet(dice, seed)
      const whole = await readFile(file)
      const cut = dice.pick([
        () => whole.subarray(0, dice.below(whole.length)),
        () => whole.subarray(0, whole.length - 1 - dice.below(12)),
        () => damaged(dice, whole),
        () => Buffer.concat([whole.subarray(0, -12), damaged(dice, whole.subarray(-12))]),
      ])()
      const broken = `${file}-broken.parquet`
      await writeFile(broken, cut)
      const result: unknown = await tables.takeFile(broken, { perUnit: 99 }).catch((error: unknown) => error)
      if (!(result instanceof Error)) {
        expect((result as { units: unknown[] }).units.length).toBeLessThanOrEqual(rows)
        return
      }
      // A fault of BigQuery's load; `loadSource` puts the file's name before it.
      if (!(result instanceof ImageryError))
        return expect(result.message).toMatch(/^Error while reading data, error message: /)
      expect(result.code).toMatch(/^(SOURCE_UNSUPPORTED|INVALID_SOURCE|USAGE|FILE_NOT_FOUND)/)
      expect(result.message).toContain(path.basename(broken))
    })
  },
  FUZZ_TIMEOUT_MS,
)
