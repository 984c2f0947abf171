import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalTables } from './local-table.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const ids = async (name: string, content: string, options = {}): Promise<(string | null)[]> =>
  (await tables.take(name, content, options)).units.map(({ asset }) => asset)

/** Each list is of texts that a program would read as one number, date or truth value. */
const LOOK_ALIKES: [kind: string, ids: string[]][] = [
  ['leading zeros', ['00731', '0731', '731']],
  ['exponents', ['219E01', '2190', '2.19e3']],
  ['decimals', ['1', '1.0', '1.00', '+1']],
  ['long numbers', ['9007199254740993', '9007199254740992', '12345678901234567890']],
  ['dates', ['2026-01-02', '2026-1-2', '2026-01-02T00:00:00Z', '2026/01/02']],
  ['truth values', ['true', 'TRUE', 'True', 't']],
  ['words of programs', ['null', 'NULL', 'NaN', 'nan', 'Infinity', 'None', 'N/A']],
  ['spaces and case', ['a', ' a', 'a ', 'A', 'a\u00a0']],
  ['forms of one letter', ['\u00e9', 'e\u0301', 'e']],
]

describe('an asset ID is the text that the file has', () => {
  test.each(LOOK_ALIKES)('in CSV: %s', async (_kind, texts) => {
    const rows = texts.map((text, index) => `${text},${index}.jpg\n`).join('')
    expect(await ids('ids.csv', `asset_id,image\n${rows}`)).toEqual(texts.toSorted())
  })

  test.each(LOOK_ALIKES)('in JSON text: %s', async (_kind, texts) => {
    const rows = texts.map((text, index) => `${JSON.stringify({ asset_id: text, image: `${index}.jpg` })}\n`)
    expect(await ids('ids.jsonl', rows.join(''))).toEqual(texts.toSorted())
  })

  test('in JSON numbers and truth values, all digits as written', async () => {
    const written = ['731', '12345678901234567890', '1.50', '1e3', '-0', '0.10', 'true', '1234567890.1234567890']
    const rows = written.map((text, index) => `{"asset_id":${text},"image":"${index}.jpg"}\n`)
    expect(await ids('numbers.jsonl', rows.join(''))).toEqual(written.toSorted())
  })

  test('in a file of text columns only, whose header no program could tell from a row', async () => {
    const { units, warnings } = await tables.take('texts.csv', 'asset_id,image\nnorth,a.jpg\nsouth,b.jpg\n')
    expect(units.map(({ asset, images }) => [asset, images])).toEqual([
      ['north', ['a.jpg']],
      ['south', ['b.jpg']],
    ])
    expect(warnings).toEqual([])
  })

  test('in a unit of one observation: no two share one, even with slashes in their IDs', async () => {
    const csv = 'asset_id,observation_id,image\na/b,c,1.jpg\na,b/c,2.jpg\n,a/b/c,3.jpg\na,b,4.jpg\n'
    const { units } = await tables.take('slashes.csv', csv, { unit: 'observation' })
    expect(new Set(units.map(({ id }) => id)).size).toBe(4)
    expect(units.map(({ id }) => id)).toEqual(expect.arrayContaining(['a/b/c', 'a/b']))
    const found = units.map(({ asset, observations, images }) => [asset, observations, images])
    expect(found).toHaveLength(4)
    expect(found).toEqual(
      expect.arrayContaining([
        ['a/b', ['c'], ['1.jpg']],
        ['a', ['b/c'], ['2.jpg']],
        [null, ['a/b/c'], ['3.jpg']],
        ['a', ['b'], ['4.jpg']],
      ]),
    )
  })

  test('in observation IDs and image names too', async () => {
    const csv = 'asset_id,observation_id,image\na,01,007.jpg\na,1,7.jpg\na,1.0,7e0\n'
    const { units } = await tables.take('observations.csv', csv)
    expect(units[0]!.observations.toSorted()).toEqual(['01', '1', '1.0'])
    expect(units[0]!.images.toSorted()).toEqual(['007.jpg', '7.jpg', '7e0'])
  })

  test('in names of folders', async () => {
    const { mkdir, writeFile } = await import('node:fs/promises')
    for (const folder of ['00731', '731', '7.310e2']) {
      await mkdir(`${tables.folder}/photos/${folder}`, { recursive: true })
      await writeFile(`${tables.folder}/photos/${folder}/1.jpg`, Buffer.from([0xff, 0xd8, 0xff, 0xe0]))
    }
    const { units } = await tables.takeFile(`${tables.folder}/photos`)
    expect(units.map(({ asset }) => asset)).toEqual(['00731', '7.310e2', '731'])
  })
})

describe('empty text is no value', () => {
  test('in an observation ID: the image stands for it', async () => {
    const csv = 'asset_id,observation_id,image\na,,1.jpg\na,,2.jpg\na,"",3.jpg\n'
    const { units } = await tables.take('empty.csv', csv)
    expect(units).toHaveLength(1)
    expect(units[0]!.images.toSorted()).toEqual(['1.jpg', '2.jpg', '3.jpg'])
  })

  test('in an asset ID: the row belongs to no asset, and is counted', async () => {
    const rows = [
      '{"asset_id":"","image":"1.jpg"}',
      '{"asset_id":null,"image":"2.jpg"}',
      '{"asset_id":"a","image":"3.jpg"}',
    ]
    const { units, warnings } = await tables.take('nobody.jsonl', rows.join('\n'))
    expect(units.map(({ asset, images }) => [asset, images])).toEqual([['a', ['3.jpg']]])
    expect(warnings).toEqual(['2 rows without an asset ID are left out, for example line 1'])
  })

  test('in an image: the asset has a row without one', async () => {
    const { units } = await tables.take('imageless.csv', 'asset_id,image\na,\nb,b.jpg\n')
    expect(units.map(({ asset, images }) => [asset, images])).toEqual([
      ['a', []],
      ['b', ['b.jpg']],
    ])
  })

  test('but a blank is a value', async () => {
    expect(await ids('blank.csv', 'asset_id,image\n" ",1.jpg\na,2.jpg\n')).toEqual([' ', 'a'])
  })
})

describe('an identifier that merges what may differ is taken as it is, with a word', () => {
  test.each([
    ['a word for nothing', 'asset_id,image\nNULL,1.jpg\nNULL,2.jpg\na,3.jpg\n', /^2 rows have the asset ID "NULL"/],
    ['a shortened number', 'asset_id,image\n1.23457E+12,1.jpg\n1.23457E+12,2.jpg\n', /^Asset IDs of 2 rows look as if/],
    [
      'an observation ID that is none',
      'asset_id,observation_id,image\na,new,1.jpg\na,new,2.jpg\n',
      /only one of these images is used, for example observation_id "new" in lines 2 and 3/,
    ],
  ])('%s', async (_what, csv, expected) => {
    const { units, warnings } = await tables.take('doubtful.csv', csv)
    expect(warnings).toEqual([expect.stringMatching(expected)])
    expect(units.flatMap(({ images }) => images).length).toBeGreaterThan(0)
  })

  test.each([
    'asset_id,observation_id,snapshot_id,image\na,1,2025,1.jpg\na,1,2026,2.jpg\n',
    'asset_id,observation_id,image\na,1,1.jpg\na,1,1.jpg\nb,1,2.jpg\n',
    'asset_id,image\n1E5,1.jpg\nNaNa,2.jpg\n',
  ])('but not %j', async (csv) => {
    expect((await tables.take('certain.csv', csv)).warnings).toEqual([])
  })
})
