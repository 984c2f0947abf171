import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { viewedColumns } from '../../../src/services/view/columns.ts'
import { loadResults } from '../../../src/services/view/load.ts'
import { ResultsDatabase } from '../../../src/services/view/results-database.ts'
import { storedColumns } from '../../../src/services/view/stored-columns.ts'
import { FIELDS, generatedPages, PROFILE } from './generated-rows.ts'

const columns = storedColumns(viewedColumns(FIELDS, PROFILE), (name) => name === 'budget')
const rows = (await Array.fromAsync(generatedPages(3))).flat()

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-view-'))
})
afterAll(() => rm(folder, { recursive: true }))

describe('the local file', () => {
  test('that cannot be written is an error that names its folder', async () => {
    const missing = path.join(folder, 'missing')
    const loading = loadResults(path.join(missing, 'rows.duckdb'), {
      columns,
      pages: generatedPages(1),
      signal: new AbortController().signal,
      progress: () => undefined,
    })
    await expect(loading).rejects.toMatchObject({
      code: 'FILE_NOT_WRITABLE',
      message: expect.stringContaining(`${missing} cannot be written: `),
    })
  })

  test('of rows of very different width, the widest side by side, needs little memory', async () => {
    const wide = path.join(folder, 'wide.duckdb')
    const pages = (async function* () {
      for (let place = 0; place < 1_600; place += 200)
        yield Array.from({ length: 200 }, (_, index) => {
          const number = place + index
          const isWide = number % 8 === 0
          const unitId = `${isWide ? 'a' : 'b'}${String((number * 7_919) % 10_007).padStart(5, '0')}`
          return { ...rows[0], unit_id: unitId, reason: `${number} ${'x'.repeat(isWide ? 400_000 : 0)}` }
        })
    })()
    const memory = 160
    await loadResults(wide, { columns, pages, memory, signal: new AbortController().signal, progress: () => undefined })
    const opened = (await ResultsDatabase.open(wide))!
    const ids = (await Array.fromAsync(opened.pages([]))).flat().map((row) => row.unit_id)
    expect(ids).toHaveLength(1_600)
    expect(ids).toEqual(ids.toSorted())
    opened.close()
    expect(await readdir(folder)).toEqual(['wide.duckdb'])
    await rm(wide)
  }, 60_000)

  test.each([
    [
      'on one side of the antimeridian',
      [
        [-10, 5],
        [20, -30],
      ],
      [-10, -30, 20, 5],
    ],
    [
      'on both sides of it',
      [
        [179.5, -16],
        [-179.25, -18],
        [178, -17],
      ],
      [178, -18, -179.25, -16],
    ],
    [
      'all around the world',
      [
        [-120, 0],
        [0, 0],
        [120, 1],
      ],
      [-120, 0, 120, 1],
    ],
    [
      'at its two longitudes',
      [
        [180, 90],
        [-180, -90],
      ],
      [180, -90, -180, 90],
    ],
  ])('knows the narrowest box around locations %s', async (_name, places, bounds) => {
    const placed = path.join(folder, 'placed.duckdb')
    const pages = (async function* () {
      yield places.map(([longitude, latitude], index) => ({ ...rows[index], location: { longitude, latitude } }))
    })()
    await loadResults(placed, { columns, pages, signal: new AbortController().signal, progress: () => undefined })
    const opened = (await ResultsDatabase.open(placed))!
    expect(opened.about.bounds).toEqual(bounds)
    opened.close()
    await rm(placed)
  })
})
