import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ImageryError } from '../../../src/contracts/errors.ts'
import { prepareSource, type PreparedSource } from '../../../src/services/source/local-files.ts'
import { parseSource } from '../../../src/services/source/parse.ts'
import { LocalTables, type TableOptions } from '../local-table.ts'
import { everySeed, FUZZ_TIMEOUT_MS, type Dice } from './seeds.ts'
import { strictRows } from './strict-csv.ts'
import { anyTable, type FuzzTable, type MeantRow } from './tables.ts'

let folder: string
let tables: LocalTables
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-fuzz-'))
  tables = await LocalTables.start()
})
afterAll(async () => {
  await tables.close()
  await rm(folder, { recursive: true })
})

type Prepared = PreparedSource & { lines: Record<string, unknown>[] }

/** Reads a file as `imagery run` does, without BigQuery. */
async function prepared(
  name: string,
  bytes: Buffer,
  { asset, image }: FuzzTable['flags'],
  perUnit = 99,
): Promise<Prepared> {
  const file = path.join(folder, name)
  await writeFile(file, bytes)
  const source = await parseSource(file)
  if (source.kind === 'table') throw new Error('not a file')
  const images = { max_per_unit: perUnit, pick: 'latest' } as const
  const result = await prepareSource(source, {
    unit: 'asset',
    images,
    flags: { asset, image, unit: 'asset' },
    scratch: folder,
  })
  const text = await readFile(path.join(folder, 'table.jsonl'), 'utf8')
  return {
    ...result,
    lines: text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  }
}

const micros = (time: unknown): bigint | null => {
  if (typeof time !== 'string') return null
  const [, seconds, digits] = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{6})\d*Z$/.exec(time) ?? []
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000n + BigInt(digits!)
}

function meant(row: Record<string, unknown>, { known }: Prepared): MeantRow {
  const text = (column: string): string | null => (row[column] as string | undefined) ?? null
  const named = (name: string): string =>
    known!.fields.find((field) => field.name?.toLowerCase() === name)?.name ?? 'nothing'
  const place = row['location'] as MeantRow['place'] | undefined
  return {
    asset: text(known!.columns.assetColumn!),
    observation: text(named('observation_id')),
    image: text(known!.columns.imageColumn),
    captured: micros(row[named('capture_time')]),
    detected: micros(row[named('detection_time')]),
    place: place ? { latitude: place.latitude + 0, longitude: place.longitude + 0 } : null,
  }
}

const plain = ({ place, ...row }: MeantRow): MeantRow => ({
  ...row,
  place: place && { latitude: place.latitude + 0, longitude: place.longitude + 0 },
})

test(
  'every row of any table is read as it is meant, and what cannot be read is counted',
  async () => {
    await everySeed(400, async (dice) => {
      const table = anyTable(dice)
      const read = await prepared(table.name, table.bytes, table.flags)
      expect(read.lines.map((line) => meant(line, read))).toEqual(table.rows.map(plain))
      const counts = read.warnings.map((warning) => /^(\S+) of (\d+) rows? cannot be read/.exec(warning)?.slice(1))
      const counted = Object.fromEntries(counts.filter((found) => found !== undefined))
      const { captured, detected, place } = table.unread
      const expected = { capture_time: captured, detection_time: detected, location: place }
      expect(counted).toEqual(
        Object.fromEntries(
          Object.entries(expected).flatMap(([name, count]) => (count > 0 ? [[name, String(count)]] : [])),
        ),
      )
      const left = read.warnings.find((warning) => warning.includes('without an asset ID')) ?? '0 rows'
      expect(Number(/^\d+/.exec(left)?.[0])).toBe(table.ofNobody)
    })
  },
  FUZZ_TIMEOUT_MS,
)

test(
  'every asset of any table is in the snapshot with its own images and its latest time and place',
  async () => {
    await everySeed(12, async (dice) => {
      const table = anyTable(dice)
      const perUnit = dice.pick([1, 2, 6])
      const options: TableOptions = { ...table.flags, perUnit }
      const sizes = Map.groupBy(
        table.rows.filter(({ asset }) => asset !== null),
        ({ asset }) => asset,
      )
      const taken = tables.take(table.name, table.bytes, options)
      if (sizes.size === 0) return expect((await taken).units).toEqual([])
      const isOrdered = table.unread.captured * 2 <= table.capturedTexts
      if (!isOrdered && [...sizes.values()].some(({ length }) => length > perUnit)) {
        return expect(taken).rejects.toMatchObject({ code: 'SOURCE_UNSUPPORTED' })
      }
      const { units } = await taken
      expect(new Set(units.map(({ asset }) => asset))).toEqual(new Set(sizes.keys()))
      expect(units).toHaveLength(sizes.size)
      for (const unit of units)
        expect(withMicros(unit), JSON.stringify(unit.asset)).toEqual(expectedUnit(sizes.get(unit.asset)!, perUnit))
    })
  },
  FUZZ_TIMEOUT_MS,
)

type TakenUnit = Awaited<ReturnType<LocalTables['take']>>['units'][number]

function withMicros({ images, observations, location, captured, detected }: TakenUnit) {
  const place = location && { latitude: location.latitude + 0, longitude: location.longitude + 0 }
  return { images, observations, place, captured: captured.map(timeMicros), detected: timeMicros(detected) }
}

const timeMicros = (time: string | null): bigint | null =>
  time === null
    ? null
    : micros(time.replace(/(?:\.(\d+))?Z$/, (_, digits = '') => `.${String(digits).padEnd(6, '0')}Z`))

/** What BigQuery's rules make of an asset's rows: newest first, no value last, texts by their UTF-8 bytes. */
function expectedUnit(rows: readonly MeantRow[], perUnit: number) {
  const bytes = (one: string | null, other: string | null): number =>
    one === null || other === null
      ? Number(one !== null) - Number(other !== null)
      : Buffer.compare(Buffer.from(one), Buffer.from(other))
  const newer = (one: MeantRow, other: MeantRow): number =>
    one.captured === other.captured ? 0 : (one.captured ?? -1n) > (other.captured ?? -1n) ? -1 : 1
  const id = (row: MeantRow): string | null => row.observation ?? row.image
  const imageless = ({ image }: MeantRow): number => Number(image === null)
  const once = [...Map.groupBy(rows, id).values()].map(
    (same) =>
      same.toSorted(
        (one, other) => newer(one, other) || imageless(one) - imageless(other) || bytes(one.image, other.image),
      )[0]!,
  )
  const ordered = once.toSorted((one, other) => newer(one, other) || bytes(id(one), id(other)))
  const shown = ordered.filter(({ image }) => image !== null).slice(0, perUnit)
  const detected = once.map((row) => row.detected).filter((time) => time !== null)
  const place = ordered.find((row) => row.place !== null)?.place ?? null
  return {
    images: shown.map(({ image }) => image),
    observations: shown.map(id),
    captured: shown.map(({ captured }) => captured),
    place: place && { latitude: place.latitude + 0, longitude: place.longitude + 0 },
    detected: detected.length === 0 ? null : detected.reduce((most, time) => (time > most ? time : most)),
  }
}

function damaged(dice: Dice, { bytes, bodyAt }: FuzzTable): Buffer {
  let changed = Buffer.from(bytes)
  for (let times = 1 + dice.below(4); times > 0; times--) {
    const at = bodyAt + dice.below(Math.max(1, changed.length - bodyAt))
    const more = dice.pick([
      Buffer.from([dice.below(256)]),
      Buffer.from(dice.pick(['"', '""', ',', '\n', '\r', '{', '}', '[', '\\', '\0', '\ufeff', '"\n', '\u{1f6d1}'])),
      Buffer.alloc(0),
    ])
    const end = dice.chance(10) ? changed.length : at + dice.below(4)
    changed = Buffer.concat([changed.subarray(0, at), more, changed.subarray(end)])
  }
  return changed
}

const isUtf8 = (bytes: Buffer): boolean => {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes) !== undefined
  } catch {
    return false
  }
}

test(
  'a damaged table is refused with its reason, or read row by row as a strict reader does',
  async () => {
    let refused = 0
    let read = 0
    await everySeed(400, async (dice) => {
      const table = anyTable(dice)
      if (table.bodyAt < 0) return
      const bytes = damaged(dice, table)
      const started = performance.now()
      const outcome = await prepared(table.name, bytes, table.flags).catch((error: unknown) => error)
      expect(performance.now() - started).toBeLessThan(5_000)
      if (outcome instanceof Error) {
        // Anything else would be a bug that the user sees.
        if (!(outcome instanceof ImageryError)) throw outcome
        expect(['SOURCE_UNSUPPORTED', 'NO_ASSETS', 'COLUMN_NOT_FOUND']).toContain(outcome.code)
        refused += 1
      } else read += 1
      if (!isUtf8(bytes)) return expect(outcome).toMatchObject({ code: 'SOURCE_UNSUPPORTED' })
      if (table.name === 'any.jsonl') {
        const lines = bytes
          .toString()
          .split('\n')
          .filter((line) => line.trim() !== '')
        if (!(outcome instanceof Error)) expect((outcome as Prepared).lines).toHaveLength(lines.length)
        return
      }
      const strict = strictRows(bytes.toString(), table.delimiter)
      if (strict === undefined) return expect(outcome).toMatchObject({ code: 'SOURCE_UNSUPPORTED' })
      if (outcome instanceof Error) return expect(strict).toHaveLength(1)
      const { lines, known } = outcome as Prepared
      const [header = [], ...body] = strict
      const at = (column: string | null): number =>
        header.indexOf(known!.fields.find(({ name }) => name === column)!.header ?? column!)
      const { assetColumn, imageColumn } = known!.columns
      expect(lines.map((line) => [line[assetColumn!] ?? '', line[imageColumn] ?? ''])).toEqual(
        body.map((row) => [row[at(assetColumn)], row[at(imageColumn)]]),
      )
    })
    // Both must happen, or the test shows nothing.
    if (process.env['IMAGERY_FUZZ_SEEDS'] === undefined) expect(Math.min(refused, read)).toBeGreaterThan(30)
  },
  FUZZ_TIMEOUT_MS,
)
