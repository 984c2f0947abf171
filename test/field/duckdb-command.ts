import path from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'

/** Runs the statement of an advised `duckdb -c` command, and returns the file that it makes in the folder. */
export async function runDuckdbCommand(advice: string, folder: string): Promise<string> {
  const quoted = /duckdb -c '(.*)'(?: {3}\(.*\))?$/s.exec(advice)?.[1]
  if (quoted === undefined) throw new Error(`no command of DuckDB: ${advice}`)
  const made = path.join(folder, 'rows.csv')
  const statement = quoted.replaceAll(String.raw`'\''`, "'").replace("TO 'rows.csv'", `TO '${made}'`)
  const connection = await (await DuckDBInstance.create(':memory:')).connect()
  try {
    await connection.run(statement)
  } finally {
    connection.closeSync()
  }
  return made
}
