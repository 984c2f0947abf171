import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api'
import { beforeAll, describe, expect, it } from 'vitest'
import { jobError } from '../../src/apis/bigquery/failures.ts'
import { SqlFailure } from '../../src/apis/bigquery/sql/failure.ts'
import { registerFunctions } from '../../src/apis/bigquery/sql/runtime/functions.ts'
import { translate } from '../../src/apis/bigquery/sql/translate.ts'
import { encodeCell } from '../../src/apis/bigquery/values-out.ts'
import type { JobError } from '../../src/apis/bigquery/records.ts'

/**
 * Statements with the rows that Google's own GoogleSQL evaluator (ZetaSQL's reference
 * implementation) gives for them, or its error; `fails` where only the error's wording differs,
 * `refused` where the local cloud names a gap instead of answering.
 */
interface Case {
  sql: string
  rows?: unknown[][]
  error?: string
  fails?: true
  refused?: true
}

const directory = path.join(import.meta.dirname, 'cases')
const NOW_MICROS = BigInt(Date.UTC(2026, 0, 2, 3, 4, 5, 678)) * 1000n
let connection: DuckDBConnection

beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect()
  await connection.run(`SET GLOBAL TimeZone = 'UTC'`)
  registerFunctions(connection)
})

const catalog = {
  target(tablePath: readonly string[], at: number): never {
    throw new SqlFailure(`Not found: Table ${tablePath.join('.')}`, at, 'notFound')
  },
  table(tablePath: readonly string[], at: number): never {
    throw new SqlFailure(`Not found: Table ${tablePath.join('.')}`, at, 'notFound')
  },
}

async function outcome(sql: string): Promise<{ rows: unknown[][] } | { error: JobError }> {
  try {
    const plan = translate(sql, { catalog, nowMicros: NOW_MICROS })
    const rows = await (await connection.run(plan.sql)).getRows()
    return {
      rows: rows.map((row) =>
        row.map((value, index) => encodeCell(value, plan.columns[index]!.type, { useInt64Timestamp: true })),
      ),
    }
  } catch (error) {
    return { error: jobError(error, sql) }
  }
}

for (const file of readdirSync(directory)) {
  const { documentation, cases } = JSON.parse(readFileSync(path.join(directory, file), 'utf8')) as {
    documentation: string
    cases: Case[]
  }
  describe(`GoogleSQL ${file.replace('.json', '')} (${documentation})`, () => {
    it.each(cases)('$sql', async ({ sql, rows, error, refused }) => {
      const found = await outcome(sql)
      if (rows) return expect(found).toEqual({ rows })
      if (!('error' in found)) return expect(found).toBe('an error')
      if (refused) return expect(found.error.reason).toBe('notImplemented')
      expect(found.error.reason).toMatch(/^(invalidQuery|invalid)$/)
      if (error !== undefined) expect(found.error.message).toBe(error)
    })
  })
}
