import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LocalTables, type TableOptions } from './local-table.ts'

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const pairs = async (name: string, content: string | Uint8Array, options: TableOptions = {}) =>
  (await tables.take(name, content, options)).units.map(({ asset, images }) => [asset, ...images])

const refusal = async (name: string, content: string | Uint8Array, options: TableOptions = {}) => {
  const { code, message, suggestions } = (await tables.take(name, content, options).then(
    () => Promise.reject(new Error('not refused')),
    (error: unknown) => error,
  )) as { code: string; message: string; suggestions: string[] }
  return { code, message: message.replaceAll(`${tables.folder}/`, ''), suggestions }
}

describe('a CSV file', () => {
  test('keeps separators, line breaks and quotes inside quotes', async () => {
    const csv = 'asset_id,image\r\n"a,1","x ""y"".jpg"\r\n"two\nlines",b.jpg\r\n'
    expect(await pairs('quotes.csv', csv)).toEqual([
      ['a,1', 'x "y".jpg'],
      ['two\nlines', 'b.jpg'],
    ])
  })

  test.each([
    ['semicolons', 'asset_id;image;note\na;a.jpg;1,5\n'],
    ['tabs', 'asset_id\timage\na\ta.jpg\n'],
    ['pipes', 'asset_id|image\na|a.jpg\n'],
    ["Excel's own line", 'sep=;\nasset_id;image\na;a.jpg\n'],
    ['old line ends', 'asset_id,image\ra,a.jpg\r'],
    ['no last line end', 'asset_id,image\na,a.jpg'],
    ['blank lines', '\nasset_id,image\n\na,a.jpg\n\n'],
    ['empty cells behind a row', 'asset_id,image\na,a.jpg,,\n'],
    ['mixed line ends', 'asset_id,image\r\na,a.jpg\n'],
    ['blank lines before semicolons', '\r\n\r\nasset_id;image\na;a.jpg\n'],
    ['a line end in a header', '"note,\nof the day";asset_id;image\n;a;a.jpg\n'],
    ['the separators of others in a header', '"a,b,c",asset_id,image\n,a,a.jpg\n'],
  ])('with %s is read', async (_what, csv) => {
    expect(await pairs('any.csv', csv)).toEqual([['a', 'a.jpg']])
  })

  test('with the extension .tsv is read', async () => {
    expect(await pairs('any.tsv', 'asset_id\timage\na\ta,b.jpg\n')).toEqual([['a', 'a,b.jpg']])
  })

  test.each([
    [
      'a quote that is not closed',
      'asset_id,image\na,1.jpg\nb,"2.jpg\nc,3.jpg\n',
      /a quote is not closed in the row that begins in line 3/,
    ],
    ['text after a closing quote', 'asset_id,image\na,"1.jpg" x\n', /continues after its closing quote in line 2/],
    ['a quote inside a value', 'asset_id,image\na,6" pole.jpg\n', /a quote is in the middle of a value in line 2/],
    ['a space before a quote', 'asset_id,image\n"a", "a.jpg"\n', /a space is before a quote in line 2/],
    ['a value too many', 'asset_id,image\na,1.jpg\nb,2,5.jpg\n', /line 3 has 3 values, and the header has 2/],
    ['a value too few', 'asset_id,image\na,"1\n2.jpg"\nb\n', /line 4 has 1 values, and the header has 2/],
  ])('with %s is refused with its line', async (_what, csv, message) => {
    expect(await refusal('strict.csv', csv)).toMatchObject({
      code: 'SOURCE_UNSUPPORTED',
      message: expect.stringMatching(message),
      suggestions: expect.arrayContaining([expect.stringMatching(/^sed -n \d+p /)]),
    })
  })

  test('has text columns only: a filter casts', async () => {
    const csv = 'asset_id,image,height\na,a.jpg,3.5\nb,b.jpg,12\n'
    expect(await pairs('height.csv', csv, { where: 'CAST(height AS FLOAT64) > 4' })).toEqual([['b', 'b.jpg']])
  })
})

describe('the columns of a file', () => {
  test.each([
    ['spaces', 'Asset ID,Photo file\na,a.jpg\n', { asset: 'Asset ID', image: 'Photo file' }],
    ['other case and underscores', 'Asset ID,Photo file\na,a.jpg\n', { asset: 'asset_id', image: 'photo_file' }],
    ['accents', 'Numéro,Bild-Datei\na,a.jpg\n', { asset: 'Numéro', image: 'Bild-Datei' }],
    ['characters without a form', '\u00a0Asset_ID,image\u200b\na,a.jpg\n', {}],
    ['decomposed accents', 'Nume\u0301ro,Bild\na,a.jpg\n', { asset: 'Num\u00e9ro', image: 'Bild' }],
    ['letters of other alphabets', '番号,写真\na,a.jpg\n', { asset: '番号', image: '写真' }],
    ['backticks', 'a`id,im`age\na,a.jpg\n', { asset: 'a`id', image: 'im`age' }],
    ['digits first', '1st,2nd\na,a.jpg\n', { asset: '1st', image: '2nd' }],
    ['twins by case', 'id,path,PATH\na,a.jpg,b.jpg\n', { asset: 'id', image: 'path' }],
    ['the other twin', 'id,path,PATH\na,b.jpg,a.jpg\n', { asset: 'id', image: 'PATH' }],
    ["the twin by BigQuery's name", 'id,path,path\na,b.jpg,a.jpg\n', { asset: 'id', image: 'path_2' }],
    ['two locations', 'id,path,location,location_text,lat,lon\na,a.jpg,Main Street,x,1,2\n', {}],
    ['a time as the asset ID', 'capture_time,path\na,a.jpg\n', { asset: 'capture_time' }],
    ['one column for both', 'path,note\na.jpg,a\n', { asset: 'note', image: 'path' }],
    ["BigQuery's reserved names", '_TABLE_id,_file_x\na,a.jpg\n', { asset: '_TABLE_id', image: '_file_x' }],
  ])('are found as the header has them: %s', async (_what, csv, flags) => {
    expect(await pairs('headers.csv', csv, flags)).toEqual([['a', 'a.jpg']])
  })

  test.each([
    ['id', 'photo'],
    ['ID', 'File Name'],
    ['Asset', 'URL'],
  ])('are guessed by common names, and reported: %s and %s', async (asset, image) => {
    const { units, warnings } = await tables.take('guess.csv', `${asset},${image}\na,a.jpg\n`)
    expect(units.map((unit) => [unit.asset, ...unit.images])).toEqual([['a', 'a.jpg']])
    expect(warnings.join('\n')).toContain('is used as the asset ID')
    expect(warnings.join('\n')).toContain('is used as the image URI')
  })

  test('that are missing are all named at once, with the nearest names', async () => {
    const { message, suggestions } = await refusal('missing.csv', 'pole number,picture_of_it\na,b\n', {
      asset: 'pole nr',
      image: 'picture_of',
    })
    expect(message).toContain('no column pole nr for the asset ID (did you mean pole number?)')
    expect(message).toContain('no column picture_of for the image URI (did you mean picture_of_it?)')
    expect(message).toContain('Its columns: "pole number" (pole_number), picture_of_it')
    expect(suggestions[0]).toContain("--asset-column 'pole number' --image-column picture_of_it")
  })

  test('with one name twice are not chosen between', async () => {
    const { message } = await refusal('twice.csv', 'id,path,path\na,b.jpg,a.jpg\n', { image: 'path' })
    expect(message).toBe('twice.csv has 2 columns named path: path, "path" (path_2)')
  })
})

describe('a file of JSON lines', () => {
  test('keeps numbers and truth values of columns that imagery does not use', async () => {
    const rows =
      '{"asset_id":"a","image":"a.jpg","height":3,"ok":true}\n{"asset_id":"b","image":"b.jpg","height":5.5,"ok":false}\n'
    expect(await pairs('typed.jsonl', rows, { where: 'height > 4 AND NOT ok' })).toEqual([['b', 'b.jpg']])
  })

  test('keeps records and lists, which a filter can use', async () => {
    const rows =
      '{"asset_id":"a","image":"a.jpg","box":{"x":1,"tags":["t"]}}\n{"asset_id":"b","image":"b.jpg","box":{"x":2,"tags":[]}}\n'
    expect(await pairs('nested.jsonl', rows, { where: "box.x < 2 AND 't' IN UNNEST(box.tags)" })).toEqual([
      ['a', 'a.jpg'],
    ])
  })

  test.each([
    ['an empty object', '{}'],
    ['an empty list', '[]'],
    ['a list of lists', '[[1,2],[3]]'],
    ['a list with null', '[1,null]'],
    ['an empty object in a list', '[{}]'],
    ['a long number', '123456789012345678901234567890'],
    ['a number beyond doubles', '1e999'],
    ["Python's NaN", 'NaN'],
    ["Python's infinity", '-Infinity'],
    ['half a surrogate pair', String.raw`"\ud800"`],
    ['the null character', String.raw`"\u0000"`],
    ['deep nesting', `${'{"x":'.repeat(40)}1${'}'.repeat(40)}`],
    ['nesting deeper than a stack', `${'['.repeat(50_000)}${']'.repeat(50_000)}`],
    ['a long list with a long number', `[${'7,'.repeat(200_000)}1.50]`],
    ['names that objects have', '{"__proto__":{"x":1},"constructor":2,"":3," ":4}'],
  ])('is not refused for a column that imagery does not use: %s', async (_what, value) => {
    const rows = `{"asset_id":"a","image":"a.jpg","extra":${value}}\n{"asset_id":"b","image":"b.jpg","extra":1}\n{"asset_id":"c","image":"c.jpg"}\n`
    expect(await pairs('extra.jsonl', rows)).toEqual([
      ['a', 'a.jpg'],
      ['b', 'b.jpg'],
      ['c', 'c.jpg'],
    ])
  })

  test.each([
    ['an array', '[{"asset_id":"a","image":"a.jpg"}]', "jq -c '.[]'"],
    ['objects over several lines', '{\n  "asset_id": "a",\n  "image": "a.jpg"\n}\n', "jq -c '.'"],
    ['a Label Studio export', '[{"id":1,"data":{"image":"a.jpg"},"annotations":[]}]', '+ .data'],
    ['GeoJSON', '{"type":"FeatureCollection","features":[]}', '.features[]'],
    ['a COCO file', '{"images":[{"id":1,"file_name":"a.jpg"}],"annotations":[]}', '.images[]'],
  ])('that is %s is refused with the command that fixes it', async (_what, text, command) => {
    const { code, suggestions } = await refusal('other.json', text)
    expect(code).toBe('SOURCE_UNSUPPORTED')
    expect(suggestions[0]).toContain(command)
  })

  test('with a list of images per row is refused with the command that fixes it', async () => {
    const { suggestions } = await refusal('lists.jsonl', '{"id":"a","images":["1.jpg","2.jpg"]}\n')
    expect(suggestions[0]).toContain(`jq -c '. as $row | .images[] | $row + {image: .}'`)
  })

  test('with the image inside a record is refused with the command that fixes it', async () => {
    const { suggestions } = await refusal('inside.jsonl', '{"id":"a","image":{"url":"1.jpg"}}\n')
    expect(suggestions[0]).toContain(`jq -c '. + {image: .image.url}'`)
  })

  test('that is nested too deeply to be read exactly is refused with its line', async () => {
    const nested = `${'['.repeat(50_000)}1.50${']'.repeat(50_000)}`
    const { code, message } = await refusal('nested.jsonl', `{"asset_id":"a"}\n{"asset_id":"b","extra":${nested}}\n`)
    expect(code).toBe('SOURCE_UNSUPPORTED')
    expect(message).toContain('line 2 is nested too deeply')
  })

  test('that is damaged is refused with its line', async () => {
    const { message } = await refusal('cut.jsonl', '{"asset_id":"a","image":"a.jpg"}\n{"asset_id":"b","im\n')
    expect(message).toContain('line 2 is not one JSON object')
  })
})

describe('the encoding of a file', () => {
  const csv = 'asset_id,image\nHaupt\u00adstra\u00dfe \u20ac,\u00e9.jpg\n\u{1f6d1},b.jpg\n'
  const expected = [
    ['Haupt\u00adstra\u00dfe \u20ac', '\u00e9.jpg'],
    ['\u{1f6d1}', 'b.jpg'],
  ]
  const bigEndian = Buffer.from(`\ufeff${csv}`, 'utf16le').swap16()

  test.each([
    ['UTF-8', Buffer.from(csv), []],
    ['UTF-8 with a mark', Buffer.from(`\ufeff${csv}`), []],
    ['UTF-16', Buffer.from(`\ufeff${csv}`, 'utf16le'), [expect.stringContaining('is UTF-16LE; it was converted')]],
    ['UTF-16, big end first', bigEndian, [expect.stringContaining('is UTF-16BE; it was converted')]],
  ])('is read exactly: %s', async (_name, bytes, warned) => {
    const { units, warnings } = await tables.take('text.csv', bytes)
    expect(units.map(({ asset, images }) => [asset, ...images])).toEqual(expected)
    expect(warnings).toEqual(warned)
  })

  test.each([
    [
      'Latin-1',
      Buffer.from('asset_id,image\na,a.jpg\nStra\u00dfe,b.jpg\n', 'latin1'),
      'line 3 is not UTF-8',
      'iconv -f WINDOWS-1252',
    ],
    [
      'lines of Latin-1 among lines of UTF-8',
      Buffer.concat([Buffer.from('asset_id,image\nStra\u00dfe,a.jpg\n'), Buffer.from('M\u00fchle,b.jpg\n', 'latin1')]),
      'line 3 is not UTF-8, although other lines are',
      'perl -MEncode',
    ],
    ['a cut character', Buffer.from([...Buffer.from('asset_id,image\na,'), 0xc3]), 'line 2 is not UTF-8', 'iconv'],
    [
      'UTF-16 without a mark',
      Buffer.from('asset_id,image\na,a.jpg\n', 'utf16le'),
      'UTF-16LE without',
      'iconv -f UTF-16LE',
    ],
    ['UTF-32', Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0]), 'UTF-32LE', 'iconv -f UTF-32LE'],
  ])('that loses letters is refused: %s', async (_name, bytes, message, command) => {
    const error = await refusal('bytes.csv', bytes)
    expect(error).toMatchObject({ code: 'SOURCE_UNSUPPORTED', message: expect.stringContaining(message) })
    expect(error.suggestions[0]).toContain(command)
  })
})

describe('a file that is no text', () => {
  const commands: readonly [string, string | Uint8Array, string, string][] = [
    ['zipped.csv', gzipSync('asset_id,image\na,a.jpg\n'), 'compressed with gzip', 'gunzip -c <'],
    ['zipped.jsonl', gzipSync('{"asset_id":"a","image":"a.jpg"}\n'), 'compressed with gzip', 'gunzip -c <'],
    ['sheet.csv', `PK\u0003\u0004${'\0'.repeat(40)}`, 'a spreadsheet', 'unzip -l'],
    ['old-sheet.csv', Uint8Array.of(0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1), 'a spreadsheet', 'CSV UTF-8'],
    ['columns.csv', 'PAR1\u0015\u0004\n', 'a Parquet file', 'columns.parquet'],
    ['login.csv', '\n<!DOCTYPE html><html><body>Sign in</body></html>\n', 'a web page', 'head -c 300'],
    [
      'pointer.jsonl',
      'version https://git-lfs.github.com/spec/v1\noid sha256:1\n',
      'a pointer of Git LFS',
      'git lfs pull',
    ],
    ['rows.csv', '[{"asset_id":"a","image":"a.jpg"}]', 'it is JSON', 'rows.json'],
    ['feed.csv', '<?xml version="1.0"?><rows/>', 'it is XML', 'head -c 300'],
    ['base.csv', `SQLite format 3\0${'\0'.repeat(40)}`, 'an SQLite database', 'sqlite3 -csv'],
  ]
  test.each(commands)('is refused with what it is and the next command: %s', async (name, content, what, command) => {
    const { code, message, suggestions } = await refusal(name, content)
    expect(code).toBe('SOURCE_UNSUPPORTED')
    expect(message).toContain(what)
    expect(suggestions.join('\n')).toContain(command)
    expect(suggestions.join('\n')).not.toContain('iconv')
  })
})

describe("an extension that is not a table's", () => {
  test.each([
    ['a.csv.gz', 'gunzip -c <'],
    ['a.xlsx', 'CSV UTF-8'],
    ['a.txt', 'a.csv'],
    ['a.zip', 'unzip'],
  ])('gets the next command: %s', async (name, command) => {
    expect((await refusal(name, 'anything')).suggestions[0]).toContain(command)
  })
})

describe('a JSON file', () => {
  test('of a map program gets the command that makes rows of it', async () => {
    const { suggestions } = await refusal('map.geojson', '{"type":"FeatureCollection","features":[]}')
    expect(suggestions[0]).toContain("jq -c '.features[]")
  })

  test('that is one object with the rows in a list gets the command for that list', async () => {
    const { suggestions } = await refusal('export.json', '{"my rows":[{"asset_id":"a","image":"a.jpg"}]}')
    expect(suggestions[0]).toMatch(/^jq -c '\.\["my rows"\]\[\]' .*export\.json > rows\.jsonl/)
  })

  test('whose IDs are in a field with a name of its own gets a command that finds it', async () => {
    const { suggestions } = await refusal('documents.jsonl', '{"asset_id":{"$oid":"65"},"image":"a.jpg"}')
    expect(suggestions[0]).toContain(`jq -c '. + {asset: .asset_id["$oid"]}'`)
    expect(suggestions.at(-1)).toContain('--asset-column asset_id._oid')
    const nested = { asset: 'asset_id._oid' }
    expect(await pairs('documents.jsonl', '{"asset_id":{"$oid":"65"},"image":"a.jpg"}', nested)).toEqual([
      ['65', 'a.jpg'],
    ])
  })
})

test('two columns with the same usual name are both shown', async () => {
  const { units, warnings } = await tables.take('twins.csv', 'asset_id,Asset_ID,path,PATH\na,b,a.jpg,b.jpg\n')
  expect(units.map(({ asset, images }) => [asset, ...images])).toEqual([['a', 'a.jpg']])
  expect(warnings).toEqual([
    'Column asset_id is used as the asset ID; "Asset_ID" (Asset_ID_2) could be it too (--asset-column names another)',
    'Column path is used as the image URI; "PATH" (PATH_2) could be it too (--image-column names another)',
  ])
})
