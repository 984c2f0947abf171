import { mkdtemp, readdir, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Connections, openDuckDb, rowsOf, runStatement } from '../../../src/services/view/database.ts'

let folder: string
let file: string

beforeEach(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-view-'))
  file = path.join(folder, 'rows.duckdb')
  const instance = await openDuckDb(file, { isReadOnly: false })
  const connection = await instance.connect()
  await connection.run('CREATE TABLE rows AS SELECT range AS n FROM range(400_000)')
  connection.closeSync()
  instance.closeSync()
})

afterEach(() => rm(folder, { recursive: true }))

/** Opens the file with so little memory that a table of all rows does not fit. */
async function opened(): Promise<Connections> {
  const connections = new Connections(await openDuckDb(file, { isReadOnly: true }), file)
  await connections.use(async (connection) => {
    await runStatement(connection, "ATTACH ':memory:' AS kept (READ_WRITE)")
    await runStatement(connection, "SET memory_limit = '20MiB'")
  })
  return connections
}

const KEEP = 'CREATE TABLE kept.rows AS SELECT n, repeat(md5(CAST(n AS VARCHAR)), 4) AS text FROM rows'

test('programs that read the same rows keep what does not fit into memory apart, and leave nothing', async () => {
  const both = [await opened(), await opened()]
  for (const each of both) {
    await each.use((connection) => runStatement(connection, KEEP))
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.includes('duckdb_temp'))
    expect(files).not.toEqual([])
  }
  const places = await Promise.all(
    both.map((each) => each.use((connection) => rowsOf(connection, "SELECT current_setting('temp_directory')"))),
  )
  expect(places[0]).not.toEqual(places[1])
  for (const each of both) each.close()
  expect(await readdir(folder)).toEqual(['rows.duckdb'])
})

test('a disk that is full while rows are served is an error of the disk, and rows can be read on', async () => {
  const connections = await opened()
  await connections.use((connection) => runStatement(connection, "SET max_temp_directory_size = '1MiB'"))
  await expect(connections.use((connection) => runStatement(connection, KEEP))).rejects.toMatchObject({
    code: 'FILE_NOT_WRITABLE',
    message: expect.stringContaining(`${folder} cannot be written: Out of Memory Error: failed to offload`),
    suggestions: [`df -h ${folder}   (shows whether the disk is full)`],
  })
  expect(await connections.use((connection) => rowsOf(connection, 'SELECT count(*) FROM rows'))).toEqual([[400_000n]])
  connections.close()
})
