import { copyFile, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newUser, ROOT, type ImageryUser } from '../cli/imagery-process.ts'

/** Executed by a terminal or a spreadsheet. */
const ASSETS = [
  '=HYPERLINK("https://evil.example")',
  '-3.5',
  'esc\u001b[2Jape',
  'c1\u009b2J',
  'bidi\u202egpj',
  'a;=1+2',
  'fine',
]

// eslint-disable-next-line no-control-regex -- the test looks for control characters
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/

let user: ImageryUser
/** Makes a process treat its output as a terminal. */
let onTerminal: { NODE_OPTIONS: string }

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  await copyFile(path.join(ROOT, 'samples/street-signs/images/stop-1.jpg'), path.join(user.folder, 'a.jpg'))
  const rows = ASSETS.map(
    (asset) =>
      `${JSON.stringify({ asset_id: asset, observation_id: `+${asset}`, gcs_uri: 'a.jpg', location: { latitude: -3.5, longitude: -70 } })}\n`,
  )
  rows.push(`${JSON.stringify({ asset_id: 'gone\u001b[8m', gcs_uri: 'gone\u001b[2J.jpg' })}\n`)
  await writeFile(path.join(user.folder, 'table.jsonl'), rows.join(''))
  await writeFile(path.join(user.folder, 'terminal.mjs'), 'process.stdout.isTTY = true\n')
  onTerminal = { NODE_OPTIONS: `--import ${pathToFileURL(path.join(user.folder, 'terminal.mjs')).href}` }
})

afterAll(() => user.leave())

const results = (...flags: string[]) => user.run(['results', '--local', ...flags])

/** The fields of a column of CSV text, by RFC 4180. */
function column(csv: string, name: string): string[] {
  const rows = [...csv.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)].reduce<string[][]>(
    (lines, [, quoted, plain = '', end]) => {
      lines.at(-1)!.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'))
      if (end === '\r\n') lines.push([])
      return lines
    },
    [[]],
  )
  const index = rows[0]!.indexOf(name)
  return rows.slice(1, -1).map((row) => row[index]!)
}

test('the progress and the summary of a run send no control characters of the data to the terminal', async () => {
  const { exitCode, stdout, stderr } = await user.run([
    'run',
    '--local',
    '--table',
    'table.jsonl',
    '--profile',
    'resolution',
  ])
  expect(exitCode, stderr).toBe(3)
  expect(stdout + stderr).not.toMatch(OBEYED)
  expect(stdout).toMatch(/gone[^]*has a control character in its path/)
})

test('a table and JSON Lines are harmless, and JSON Lines are exact', async () => {
  const [table, jsonl, json] = await Promise.all([results(), results('--format', 'jsonl'), results('--json')])
  for (const { stdout } of [table, jsonl, json]) expect(stdout).not.toMatch(OBEYED)
  const rows = jsonl.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { asset_id: string })
  expect(rows.map((row) => row.asset_id).toSorted()).toEqual([...ASSETS, 'gone\u001b[8m'].toSorted())
})

test('CSV is exact for programs, except that formulas become text', async () => {
  const { stdout } = await results('--format', 'csv')
  const guarded = (text: string): string => (/^[=+-]/.test(text) ? `'${text}` : text)
  const expected = [...ASSETS, 'gone\u001b[8m']
  expect(column(stdout, 'asset_id').toSorted()).toEqual(expected.map(guarded).toSorted())
  expect(new Set(column(stdout, 'width'))).toEqual(new Set(['', '640']))

  await results('--format', 'csv', '--raw-cells', '-o', 'raw.csv')
  const raw = await readFile(path.join(user.folder, 'raw.csv'), 'utf8')
  expect(column(raw, 'asset_id').toSorted()).toEqual(expected.toSorted())
})

test('CSV on a terminal is harmless', async () => {
  const { exitCode, stdout } = await user.run(['results', '--local', '--format', 'csv'], onTerminal)
  expect(exitCode).toBe(0)
  expect(stdout).not.toMatch(OBEYED)
  expect(stdout).toContain('bidi gpj')
})
