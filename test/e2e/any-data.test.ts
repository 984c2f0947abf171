import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newUser, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { anyPlace, anyTime, type Place } from '../field/fuzz/values.ts'
import { Dice } from '../field/fuzz/seeds.ts'
import { strictRows } from '../field/fuzz/strict-csv.ts'
import { rowsDocument, runReport } from './documents.ts'

/** The same data each time, unless `IMAGERY_FUZZ_SEEDS` names another seed. */
const SEED = Number(/^\d+/.exec(process.env['IMAGERY_FUZZ_SEEDS'] ?? '')?.[0] ?? 1)
const dice = new Dice(SEED)

/** Names that look like another name, an address or a command to some program. */
const NAMES = [
  'plain.jpg',
  ' lead.jpg',
  'trail.jpg ',
  'A.jpg',
  'a.jpg',
  'a.jpg?generation=12',
  'a.jpg#1600000000000000',
  'a?generation=5',
  'a#b.jpg',
  '%41.jpg',
  '%2F.jpg',
  '%.jpg',
  'file:x.jpg',
  'file:%2F.jpg',
  'http:x.jpg',
  'C:x.jpg',
  'e\u0301.jpg',
  '\u00e9.jpg',
  '\u{1f6d1}.jpg',
  '\u202egpj.jpg',
  '\ufeff.jpg',
  'x\ufeff.jpg',
  '\u2028.jpg',
  'back\\slash.jpg',
  `quo'te".jpg`,
  'back`tick.jpg',
  '$(id) $HOME.jpg',
  '*.jpg',
  '~.jpg',
  '--help.jpg',
  '...jpg',
  '=1+1.jpg',
  'null',
  `${'x'.repeat(251)}.jpg`,
  'sub/x.jpg',
  'sub#1/x?y.jpg',
  'sub%2Fx/y.jpg',
  `${'deep/'.repeat(40)}x.jpg`,
]

/** Cells that name no image, and what their rows say. */
const NO_IMAGES: [cell: string, reason: RegExp][] = [
  ['missing.jpg', /missing\.jpg does not exist/],
  ['PLAIN.JPG', /does not exist/],
  [' ', /names no file/],
  ['.', /is a folder, not a file/],
  ['sub', /is a folder, not a file/],
  ['plain.jpg/x', /does not exist/],
  ['../outside.jpg', /is outside the table's folder/],
  ['/etc/hostname', /is outside the table's folder/],
  ['file:///etc/hostname', /is outside the table's folder/],
  ['file://host/x.jpg', /is a file:\/\/ URL of another machine/],
  ['file://%2F.jpg', /is a file:\/\/ URL of another machine, or has no path/],
  ['https://example.com/a.jpg', /is a web address/],
  ['s3://bucket/a.jpg', /is an address of another service/],
  ['data:image/jpeg;base64,AAAA', /is the image itself/],
  ['gs://Bucket/a.jpg', /has no valid bucket name/],
  ['gs://', /is not a gs:\/\/ URI/],
  ['tab\t.jpg', /has a control character in its path/],
  ['line\n.jpg', /has a control character in its path/],
  [`${'x'.repeat(256)}.jpg`, /cannot be read: .*(?:too long|ENAMETOOLONG)/],
  [`${'y/'.repeat(600)}z.jpg`, /has a path of more than 1024 bytes/],
  ['w'.repeat(120_000), /would have \d+ bytes, but Cloud Tasks accepts at most/],
  ['loop.jpg', /cannot be read: .*(?:symbolic links|ELOOP)/],
  ['empty.jpg', /is not an image|is empty/],
  ['text.jpg', /is not an image/],
  ['short.jpg', /./],
]

interface Meant {
  images: { cell: string; width: number | undefined; reason: RegExp | undefined }[]
  detected: bigint | null
  place: Place | null
}

const PROFILE = `name: notes
description: What a model wrote.
prompt: What do you see?
output:
  type: object
  required: [note]
  properties:
    note: {type: string}
    words: {type: array, items: {type: string}}
    count: {type: integer}
`

/** What a model wrote of each image. Half of a surrogate pair is no text, so it is left out. */
const NOTES = Array.from({ length: 60 }, (_, index) => ({
  uri: `gs://any-photos/${index}.jpg`,
  note: index % 10 === 0 ? `cut \ud83d${dice.text(20)}` : dice.text(30),
  words: Array.from({ length: dice.below(4) }, () => dice.text(5)),
  count: dice.below(1_000) - 500,
}))

/** A recorded answer, with something around it now and then. */
function recording({ uri, note, words, count }: (typeof NOTES)[number]): string {
  const json = JSON.stringify({ note, words, count })
  const text = dice.pick([json, json, `\`\`\`json\n${json}\n\`\`\``, `<think>{octagon}</think>${json}`, `${json}."}`])
  const usage = { promptTokenCount: 400, candidatesTokenCount: 40, totalTokenCount: 440 }
  return `${JSON.stringify({ gcs_uri: uri, model: 'gemini-3.5-flash-lite', finishReason: 'STOP', usageMetadata: usage, text })}\n`
}

let user: ImageryUser
const widths = new Map<string, number>()
const meant = new Map<string, Meant>()

const at = (...names: string[]): string => path.join(user.folder, 'photos', ...names)

async function writeImages(): Promise<void> {
  for (const [index, name] of NAMES.entries()) {
    const image = sharp({ create: { width: index + 2, height: 3, channels: 3, background: '#777' } })
    await mkdir(path.dirname(at(name)), { recursive: true })
    await writeFile(at(name), await image.toFormat(index % 2 === 0 ? 'png' : 'jpeg').toBuffer())
    widths.set(name, index + 2)
  }
  await writeFile(path.join(user.folder, 'outside.jpg'), await readFile(at('plain.jpg')))
}

/** An ID for each row that no other row has. */
function newId(): string {
  const ids = [
    '=1+1',
    '-3',
    '@x',
    '\ufeff',
    '\ufeffa',
    'a',
    'e\u0301',
    '\u00e9',
    '007',
    '7',
    '7.0',
    '../a',
    'a/',
    '__proto__',
    '\0',
    ' ',
    'null',
    '"',
    "'",
  ]
  for (;;) {
    const id = dice.chance(40) ? dice.pick(ids) : dice.text()
    if (!meant.has(id)) return id
  }
}

/** Writes a table that has every name and every wrong cell once at least, in assets of up to three images. */
function tableText(): string {
  const cells = dice.shuffled([
    ...NAMES.map((cell) => ({ cell, width: widths.get(cell), reason: undefined })),
    ...NO_IMAGES.map(([cell, reason]) => ({ cell, width: undefined, reason })),
    ...Array.from({ length: 40 }, () => dice.pick(NAMES)).map((cell) => ({
      cell,
      width: widths.get(cell),
      reason: undefined,
    })),
  ])
  const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
  const lines = ['"Pole; ID";photo;Capture Time;detection_time;lat;lon\r\n']
  while (cells.length > 0) {
    const [detected, place] = [anyTime(dice), anyPlace(dice)]
    const id = newId()
    const images = [...new Map(cells.splice(0, 1 + dice.below(3)).map((image) => [image.cell, image])).values()]
    meant.set(id, { images, detected: detected.meaning, place: place.meaning })
    const times = ['2026:11:03 20:58:37', '1793739517250', '']
    for (const { cell } of images) {
      const row = [id, cell, dice.pick(times), detected.text, place.latitude, place.longitude]
      lines.push(`${row.map(quoted).join(';')}\r\n`)
    }
  }
  meant.set('no image', { images: [], detected: null, place: null })
  meant.set('x'.repeat(60_000), { images: [], detected: null, place: null })
  for (const id of [...meant.keys()].slice(-2)) lines.push(`${id};;;;;\r\n`)
  // These belong to no asset.
  lines.push(';plain.jpg;;;;\r\n', '"";"";;yesterday;;\r\n')
  return lines.join('')
}

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await mkdir(at(), { recursive: true })
  await writeImages()
  await writeFile(at('table.csv'), tableText())
  await symlink('loop.jpg', at('loop.jpg'))
  await writeFile(at('empty.jpg'), '')
  await writeFile(at('text.jpg'), 'no image')
  await writeFile(at('short.jpg'), Buffer.from([0xff, 0xd8, 0xff]))
  const answers = path.join(user.folder, 'answers.jsonl')
  await writeFile(answers, NOTES.map(recording).join(''))
  await user.startLocalCloud({ gemini: `replay:${answers}` })
})
afterAll(() => user.leave())

/** Runs a profile and returns the rows by asset, after a check that there are as many as the run says. */
async function rowsOf(outcome: Outcome): Promise<Map<string, Record<string, unknown>>> {
  expect(outcome.exitCode, `seed ${SEED}: ${outcome.stdout}${outcome.stderr}`).toBe(3)
  const { run_id: runId, units } = runReport.parse(outcome.json())
  const { rows } = rowsDocument.parse((await user.run(['results', runId, '--local', '--json'])).json())
  expect(units).toMatchObject({
    total: rows.length,
    pending: 0,
    failed: rows.filter((row) => row['status'] !== 'ok').length,
  })
  const byAsset = new Map(rows.map((row) => [row['asset_id'] as string, row]))
  expect(byAsset.size).toBe(rows.length)
  return byAsset
}

const micros = (time: unknown): bigint | null => {
  if (typeof time !== 'string') return null
  const [, seconds = '', digits = ''] = /^(.{19})(?:\.(\d+))?Z$/.exec(time) ?? []
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000n + BigInt(digits.padEnd(6, '0').slice(0, 6))
}

const run = (...flags: string[]) => user.run(['run', '--local', '--profile', 'resolution', '--json', ...flags])

test('a table of hostile rows has one exact row per asset', async () => {
  const outcome = await run('--table', at('table.csv'), '--asset-column', 'Pole; ID', '--image-column', 'photo')
  const rows = await rowsOf(outcome)
  expect(new Set(rows.keys())).toEqual(new Set(meant.keys()))
  for (const [id, { images, detected, place }] of meant) {
    const row = rows.get(id)!
    const what = `seed ${SEED}, asset ${JSON.stringify(id.slice(0, 80))}: ${JSON.stringify(row)}`.slice(0, 2_000)
    const readable = images.filter(({ width }) => width !== undefined)
    const hasTask = !images.some(({ cell }) => cell.length > 100_000)
    if (readable.length > 0 && hasTask) {
      const wrong = images.filter(({ width }) => width === undefined).map(({ cell }) => cell)
      expect(row, what).toMatchObject({
        status: 'ok',
        width: Math.max(...readable.map(({ width }) => width!)),
        height: 3,
      })
      expect(new Set(row['unreadable_observation_ids'] as string[]), what).toEqual(new Set(wrong))
      expect(new Set(row['observation_ids'] as string[]), what).toEqual(new Set(readable.map(({ cell }) => cell)))
    } else {
      expect(row, what).toMatchObject({ status: 'failed', cause: 'unreadable_image', width: null })
      for (const { reason } of hasTask ? images : images.filter(({ cell }) => cell.length > 100_000))
        expect(row['error_message'], what).toMatch(reason!)
    }
    expect(micros(row['detection_time']), what).toBe(detected)
    expect(row['location'], what).toEqual(place && { latitude: place.latitude + 0, longitude: place.longitude + 0 })
  }
  expect(outcome.warnings().join('\n')).toMatch(/1 row without an asset ID is|2 rows without an asset ID are/)
})

test('a folder of hostile names has one exact row per image', async () => {
  const rows = await rowsOf(await run('--table', at(), '--unit', 'observation'))
  const found = new Map([...rows.values()].map((row) => [row['unit_id'] as string, row]))
  for (const [name, width] of widths) {
    const asset = name.includes('/') ? path.posix.dirname(name) : name
    expect(found.get(`${asset}/${name}`), `seed ${SEED}, ${name}`).toMatchObject({
      status: 'ok',
      width,
      asset_id: asset,
    })
  }
})

test("a model's texts come back as they are, in the table, in JSON lines and in CSV", async () => {
  await writeFile(path.join(user.folder, 'notes.yaml'), PROFILE)
  const table = NOTES.map(
    ({ uri }, index) => `${JSON.stringify({ asset_id: `${index} ${dice.text()}`, image: uri })}\n`,
  )
  await writeFile(path.join(user.folder, 'notes.jsonl'), table.join(''))
  const flags = ['--table', 'notes.jsonl', '--profile', 'notes.yaml', '--unit', 'observation']
  const outcome = await user.run(['run', '--local', ...flags, '--json'])
  expect(outcome.exitCode, `seed ${SEED}: ${outcome.stdout}${outcome.stderr}`).toBe(0)

  const expected = new Map(
    NOTES.map(({ uri, note, words, count }, index) => {
      const { asset_id: id } = JSON.parse(table[index]!) as { asset_id: string }
      return [uri, { id, note: note.replaceAll(/\p{Surrogate}/gu, ''), words, count }]
    }),
  )
  await user.run(['results', '--local', '-o', 'notes-out.jsonl'])
  await user.run(['results', '--local', '-o', 'notes-out.csv', '--raw-cells'])
  const lines = (await readFile(path.join(user.folder, 'notes-out.jsonl'), 'utf8')).trimEnd().split('\n')
  const cells = strictRows(await readFile(path.join(user.folder, 'notes-out.csv'), 'utf8'), ',')
  const [header = [], ...rows] = cells ?? []
  expect([lines.length, rows.length]).toEqual([NOTES.length, NOTES.length])
  const fromCsv = rows.map((row): Record<string, unknown> => {
    const cell = (name: string): string => row[header.indexOf(name)]!
    const lists = {
      words: JSON.parse(cell('words') || '[]') as unknown,
      gcs_uris: JSON.parse(cell('gcs_uris')) as unknown,
    }
    return { asset_id: cell('asset_id'), note: cell('note'), count: Number(cell('count')), ...lists }
  })
  for (const row of [...lines.map((line) => JSON.parse(line) as Record<string, unknown>), ...fromCsv]) {
    const [uri] = row['gcs_uris'] as string[]
    const { asset_id: id, note, words, count } = row
    expect({ id, note, words, count }, `seed ${SEED}, ${uri}`).toEqual(expected.get(uri!))
  }
})
