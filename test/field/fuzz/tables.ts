import type { Dice } from './seeds.ts'
import { anyPlace, anyTime, type Place } from './values.ts'

/** A row of a table as its writer means it. Null is no value. */
export interface MeantRow {
  asset: string | null
  observation: string | null
  image: string | null
  /** Microseconds since 1970. */
  captured: bigint | null
  detected: bigint | null
  place: Place | null
}

export interface FuzzTable {
  name: string
  bytes: Buffer
  /** Where the first row begins in the text, in UTF-8 bytes; damage after it leaves the header whole. */
  bodyAt: number
  delimiter: string
  rows: MeantRow[]
  /** The flags that name its columns. */
  flags: { asset?: string; image?: string }
  /** Times and places with a text that cannot be read. */
  unread: { captured: number; detected: number; place: number }
  /** Rows with some value, but none for the asset ID. */
  ofNobody: number
  /** Rows with a text as their capture time. */
  capturedTexts: number
}

/** A cell: its text as CSV has it, its JSON, and whether JSON leaves it out. */
interface Cell {
  text: string
  json: string
  isAbsent?: boolean
}

const DELIMITERS = [',', ',', ';', '\t', '|']

/** Columns that imagery does not use. None is a common name for one that it does. */
const OTHER_HEADERS = [
  'note',
  'NOTE',
  'note_2',
  'a`b',
  'x.y',
  '1st',
  '日本',
  '_TABLE_x',
  '__proto__',
  'location_text',
  'constructor',
  'he said "no"',
  'a\nb',
  'select',
  'height (m)',
  'é',
  'e\u0301',
  '=1+1',
  'a;b,c|d',
  '\u{1f6d1}',
  'x'.repeat(320),
]

const OTHER_JSON = [
  '{}',
  '[]',
  '[null]',
  '[[1],[2]]',
  '1e999',
  '12345678901234567890',
  '-0',
  '1.50',
  'NaN',
  '-Infinity',
  'null',
  '"\\ud800"',
  '"\\u0000"',
  '{"__proto__":{"a":1}}',
  '{"":1}',
  '[{"a":1},{"b":[]}]',
  'true',
  '"text"',
  '[1,"a"]',
]

/** Makes a table with up to 12 rows of any content, in any form that imagery reads. */
export function anyTable(dice: Dice): FuzzTable {
  const isCsv = dice.chance(50)
  const assets = Array.from({ length: 1 + dice.below(4) }, () => anyId(dice))
  const images = Array.from({ length: 1 + dice.below(6) }, () => anyId(dice))
  const unread = { captured: 0, detected: 0, place: 0 }
  const asset = dice.pick(['asset_id', 'Asset ID', 'ASSET_ID', 'Num\u00e9ro', 'pole`s', 'fid'])
  const image = dice.pick(['gcs_uri', 'image', 'Photo', 'Bild-Datei', 'image_uri'])
  const flags = {
    ...(['Num\u00e9ro', 'pole`s'].includes(asset) ? { asset } : {}),
    ...(image === 'Bild-Datei' ? { image } : {}),
  }
  const has = {
    observation: dice.chance(50),
    captured: dice.chance(60),
    detected: dice.chance(30),
    place: dice.chance(50),
  }
  const observation = dice.pick(['observation_id', 'Observation ID', 'OBSERVATION_ID'])
  const others = dice.shuffled(OTHER_HEADERS).slice(0, dice.below(4))
  const twoColumns = has.place && (isCsv || dice.chance(30))
  const rows: MeantRow[] = []
  let capturedTexts = 0
  let ofNobody = 0
  const written: Record<string, Cell>[] = Array.from({ length: 1 + dice.below(12) }, (_, index) => {
    const row: MeantRow = { asset: null, observation: null, image: null, captured: null, detected: null, place: null }
    const cells: Record<string, Cell> = Object.create(null) as Record<string, Cell>
    row.asset = textCell(dice, cells, asset, dice.chance(8) ? null : dice.pick(assets))
    row.image = textCell(dice, cells, image, dice.chance(8) ? null : dice.pick(images))
    if (has.observation) row.observation = textCell(dice, cells, observation, dice.chance(20) ? null : anyId(dice))
    for (const [name, column] of [
      ['captured', 'capture_time'],
      ['detected', 'Detection Time'],
    ] as const) {
      if (!has[name]) continue
      const time = dice.chance(20) ? undefined : anyTime(dice)
      textCell(dice, cells, column, time?.text ?? null)
      row[name] = time?.meaning ?? null
      if (time?.meaning === null) unread[name] += 1
      if (name === 'captured' && time) capturedTexts += 1
    }
    if (has.place) {
      // The first row has a place, which shows that the column is one.
      const isMissing = index > 0 && dice.chance(20)
      let place = anyPlace(dice)
      while (index === 0 && place.meaning === null) place = anyPlace(dice)
      placeCells(cells, isMissing ? undefined : place, twoColumns ? undefined : dice)
      row.place = isMissing ? null : place.meaning
      if (!isMissing && place.meaning === null) unread.place += 1
    }
    for (const other of others) cells[other] = otherCell(dice)
    rows.push(row)
    if (row.asset === null && Object.values(cells).some((cell) => (isCsv ? cell.text !== '' : hasValue(cell))))
      ofNobody += 1
    return cells
  })
  // A column that no row has would be missing.
  for (const column of [asset, image]) written[0]![column]!.isAbsent = false
  const columns = dice.shuffled(Object.keys(written[0]!))
  const file = isCsv ? csvText(dice, columns, written) : { ...jsonText(dice, written), delimiter: '' }
  return {
    ...encoded(dice, file.head, file.body),
    delimiter: file.delimiter,
    name: isCsv ? 'any.csv' : 'any.jsonl',
    rows,
    flags,
    unread,
    ofNobody,
    capturedTexts,
  }
}

/** Texts that programs read as numbers, dates or nothing, and any others. */
function anyId(dice: Dice): string {
  return dice.chance(30)
    ? dice.pick([
        '007',
        '7',
        '7.0',
        '7e0',
        '0x7',
        'TRUE',
        'true',
        'null',
        'NULL',
        'NaN',
        '2026-01-02',
        '9007199254740993',
        '=7',
        ' 7',
        '7 ',
      ])
    : dice.text()
}

/** Writes a text or no value. JSON has several ways for both. Returns the text. */
function textCell(dice: Dice, cells: Record<string, Cell>, column: string, text: string | null): string | null {
  const isNumber = text !== null && /^-?(?:0|[1-9]\d*)(?:\.\d+)?$/.test(text)
  cells[column] =
    text === null
      ? { text: '', json: dice.pick(['""', 'null']), isAbsent: dice.chance(30) }
      : { text, json: isNumber && dice.chance(50) ? text : jsonString(dice, text) }
  return text
}

function placeCells(
  cells: Record<string, Cell>,
  place: { latitude: string; longitude: string } | undefined,
  dice: Dice | undefined,
): void {
  const { latitude = '', longitude = '' } = place ?? {}
  if (dice === undefined) {
    cells['Lat'] = { text: latitude, json: JSON.stringify(latitude) }
    cells['lng'] = { text: longitude, json: JSON.stringify(longitude) }
    return
  }
  const members = [JSON.stringify(latitude), JSON.stringify(longitude)]
  const json = place
    ? dice.pick([
        `{"latitude":${members[0]},"longitude":${members[1]}}`,
        `{"lng":${members[1]},"lat":${members[0]},"altitude":[1,{"a":null}]}`,
        `{"type":"Point","coordinates":[${members[1]},${members[0]},5]}`,
      ])
    : dice.pick(['null', '""', '{"latitude":null,"longitude":null}', '{"lat":"","lon":""}'])
  cells['location'] = { text: '', json }
}

function otherCell(dice: Dice): Cell {
  return { text: dice.chance(30) ? '' : dice.text(10), json: dice.pick(OTHER_JSON), isAbsent: dice.chance(20) }
}

/** Numbers that JSON does not have are null. */
function hasValue({ json, isAbsent = false }: Cell): boolean {
  return !isAbsent && !['null', '""', 'NaN', '-Infinity'].includes(json)
}

function jsonString(dice: Dice, text: string): string {
  const escaped = [
    ...JSON.stringify(text)
      .slice(1, -1)
      .matchAll(/\\u....|\\.|[^]/gu),
  ].map(([letter]) =>
    letter.length === 1 && dice.chance(10) ? `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}` : letter,
  )
  return `"${escaped.join('')}"`
}

interface FileText {
  head: string
  body: string
}

function jsonText(dice: Dice, rows: readonly Record<string, Cell>[]): FileText {
  const lines = rows.map((cells) => {
    const space = dice.pick(['', ' ', '\t'])
    const members = dice
      .shuffled(Object.entries(cells))
      .filter(([, { isAbsent = false }]) => !isAbsent)
      .map(([name, { json }]) => `${jsonString(dice, name)}${space}:${space}${json}`)
    return `{${space}${members.join(`,${space}`)}}${dice.chance(10) ? ' \r' : ''}\n${dice.chance(10) ? '\n  \n' : ''}`
  })
  const body = lines.join('')
  return { head: '', body: dice.chance(30) ? body.trimEnd() : body }
}

function csvText(
  dice: Dice,
  columns: readonly string[],
  rows: readonly Record<string, Cell>[],
): FileText & { delimiter: string } {
  const delimiter = dice.pick(DELIMITERS)
  const end = dice.pick(['\n', '\n', '\r\n', '\r'])
  const cell = (text: string): string =>
    /[",;\t|\r\n]/.test(text) || dice.chance(20) ? `"${text.replaceAll('"', '""')}"` : text
  const line = (texts: readonly string[]): string =>
    `${texts.map(cell).join(delimiter)}${dice.chance(10) ? delimiter.repeat(2) : ''}${end}${dice.chance(10) ? end : ''}`
  const excel = dice.chance(10) && end !== '\r' ? `sep=${delimiter}${end}` : dice.chance(10) ? end : ''
  const body = rows.map((cells) => line(columns.map((column) => cells[column]!.text))).join('')
  const head = `${excel}${columns.map(cell).join(delimiter)}${end}`
  return { head, body: dice.chance(30) ? body.slice(0, -end.length) : body, delimiter }
}

function encoded(dice: Dice, head: string, body: string): { bytes: Buffer; bodyAt: number } {
  const text = `${head}${body}`
  if (dice.chance(75)) return { bytes: Buffer.from(text), bodyAt: Buffer.byteLength(head) }
  const marked = `\ufeff${text}`
  const bytes = dice.pick([
    () => Buffer.from(marked),
    () => Buffer.from(marked, 'utf16le'),
    () => Buffer.from(marked, 'utf16le').swap16(),
  ])()
  return { bytes, bodyAt: -1 }
}
