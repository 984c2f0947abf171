import { execFileSync, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runDuckdbCommand } from './duckdb-command.ts'
import { LocalTables } from './local-table.ts'

/** Tables as BigQuery and Spark export them: in parts, compressed, or in formats that are not read. */

let tables: LocalTables
beforeAll(async () => {
  tables = await LocalTables.start()
})
afterAll(() => tables.close())

const refusal = async (taken: Promise<unknown>): Promise<{ message: string; suggestions: string[] }> =>
  taken.then(
    () => Promise.reject(new Error('not refused')),
    (error: unknown) => error as { message: string; suggestions: string[] },
  )

const ROWS = [
  ['07', 'gs://b/1.jpg'],
  ['7', 'gs://b/2.jpg'],
]
const CSV = ROWS.map(([id, image]) => `asset_id,image\n${id},${image}\n`)
const JSONL = ROWS.map(([id, image]) => `${JSON.stringify({ asset_id: id, image })}\n`)

describe('a folder with the parts of a table is refused with the command that joins them', () => {
  test.each([
    ['.csv', CSV.map((part) => Buffer.from(part))],
    ['.csv.gz', CSV.map((part) => gzipSync(part))],
    ['.json', JSONL.map((part) => Buffer.from(part))],
    ['.json.gz', JSONL.map((part) => gzipSync(part))],
    ['.jsonl', JSONL.map((part) => Buffer.from(part))],
  ])('%s', async (ending, parts) => {
    const folder = await mkdtemp(path.join(tables.folder, 'my parts-'))
    for (const [index, part] of parts.entries())
      await writeFile(path.join(folder, `part-${String(index).padStart(12, '0')}${ending}`), part)
    const { suggestions } = await refusal(tables.takeFile(folder))
    const cwd = path.join(folder, 'made')
    await mkdir(cwd)
    const [advice = ''] = suggestions
    const command = advice.replace(/ {3}\(.*\)$/, '')
    const made = command.startsWith('duckdb')
      ? await runDuckdbCommand(command, cwd)
      : path.join(cwd, / > (\S+)$/.exec(command)![1]!)
    if (!command.startsWith('duckdb'))
      expect(spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
    const { units } = await tables.takeFile(made)
    expect(units.map(({ asset, images }) => [asset, ...images])).toEqual(ROWS)
    expect(advice).toContain(`then --table ${path.basename(made)}`)
  })

  test.each(['.avro', '.parquet'])('%s', async (ending) => {
    const folder = await mkdtemp(path.join(tables.folder, 'parts-'))
    await writeFile(path.join(folder, `part-000000000000${ending}`), 'x')
    const { suggestions } = await refusal(tables.takeFile(folder))
    expect(suggestions[0]).toContain(`${folder}/*${ending}`)
    expect(suggestions[0]).toContain('then --table rows.parquet')
  })
})

describe('a compressed table is refused with the command that unpacks it', () => {
  const hasProgram = (program: string): boolean => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0
  const PROGRAMS = { gzip: 'gz', bzip2: 'bz2', xz: 'xz', zstd: 'zst' }

  test.each(Object.entries(PROGRAMS).filter(([program]) => hasProgram(program)))('%s', async (program, ending) => {
    const packed = execFileSync(program, ['-c'], { input: CSV[0] })
    for (const name of [`packed-${ending}.csv`, `packed-${program}.csv.${ending}`]) {
      const { message, suggestions } = await refusal(tables.take(name, packed))
      expect(message).toMatch(
        name.endsWith('.csv') ? /it is compressed with \w+$/ : /its extension \.\w+ is not one of/,
      )
      const [, unpacked = ''] = / > (\S+)$/.exec(suggestions[0]!) ?? []
      expect(spawnSync('sh', ['-c', suggestions[0]!], { encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' })
      expect(await readFile(unpacked, 'utf8')).toBe(CSV[0])
    }
  })
})

test.each([
  ['avro', Buffer.from('Obj\u0001\u0004'), 'it is an Avro file', /^duckdb -c 'INSTALL avro; .*read_avro\(/],
  ['orc', Buffer.from('ORC\u0012'), 'it is an ORC file', /as Parquet, CSV or JSONL/],
])('a table in the format %s is refused with what to do, whatever its name is', async (format, bytes, what, advice) => {
  const named = await refusal(tables.take(`table.${format}`, bytes))
  expect([named.message, named.suggestions[0]]).toEqual([
    expect.stringContaining(`its extension .${format} is not one of`),
    expect.stringMatching(advice),
  ])
  for (const name of [`${format}.csv`, `${format}.jsonl`]) {
    const { message, suggestions } = await refusal(tables.take(name, bytes))
    expect(message).toContain(what)
    expect(suggestions[0]).toMatch(advice)
  }
})

test('a part without an extension is refused with the name that it needs', async () => {
  const { suggestions } = await refusal(tables.take('part-000000000000', CSV[0]!))
  expect(suggestions[0]).toMatch(/^cp \S+part-000000000000 \S+part-000000000000\.csv {3}\(if it is a table\)$/)
})
