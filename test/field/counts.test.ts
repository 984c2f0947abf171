import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalTables, type TableOptions } from './local-table.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const summary = ({ asset, images }: { asset: string | null; images: string[] }): unknown => [asset, images]

describe('the count of a file is the same on this machine, in a query and in the run', () => {
  test.each<[string, string, TableOptions]>([
    ['an observation in two rows', 'asset_id,observation_id,image\na,o,1.jpg\na,o,1.jpg\nb,o,2.jpg\n', {}],
    ['an observation with an image in its first row', 'asset_id,observation_id,image\na,o,1.jpg\na,o,\n', {}],
    ['an observation with an image in its last row', 'asset_id,observation_id,image\na,o,\na,o,1.jpg\n', {}],
    ['two images of one observation', 'asset_id,observation_id,image\na,o,2.jpg\na,o,1.jpg\n', {}],
    ['an asset without an image', 'asset_id,image\na,\na,\nb,1.jpg\n', {}],
    ['a unit without an observation', 'asset_id,image\na,\nb,1.jpg\n', { unit: 'observation' }],
    ['rows without an asset', 'asset_id,image\n,1.jpg\n,1.jpg\n,\n,\na,2.jpg\n', { unit: 'observation' }],
    [
      'snapshots of numbers of other lengths',
      'asset_id,observation_id,image,snapshot_id\na,o,old.jpg,9\na,o,new.jpg,10\n',
      {},
    ],
    [
      'snapshots with numbers in their names',
      'asset_id,observation_id,image,snapshot_id\na,o,old.jpg,v9-2026-9-1\na,o,new.jpg,v9-2026-10-1\n',
      {},
    ],
    [
      'an observation in two snapshots',
      'asset_id,observation_id,image,snapshot_id\na,o,1.jpg,1\na,o,,2\nb,o,2.jpg,2\n',
      {},
    ],
    ['line separators of Unicode', 'asset_id,image\na\u2028b,1\u2029.jpg\na\u0085b,2.jpg\n', {}],
  ])('%s', async (_what, csv, options) => {
    const { here, queried } = await tables.counts('counts.csv', csv, options)
    expect(here).toEqual(queried)
    const { units } = await tables.take('counts.csv', csv, options)
    const samples = here.samples.map(({ assetId, images }) => ({ asset: assetId, images }))
    expect(units.map(summary)).toEqual(samples.map(summary))
  })
})

test('an observation whose rows are equally new keeps its image', async () => {
  const { units } = await tables.take('both.csv', 'asset_id,observation_id,image\na,o,\na,o,1.jpg\n')
  expect(units.map(summary)).toEqual([['a', ['1.jpg']]])
})
