import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { scalarFunctions } from '@imagery/local-cloud/internal/apis/bigquery/sql/functions/catalog'
import { startAnalyzer, type Analyzer, type Evaluated } from './check-sql-analyzer.ts'
import { CouldNotRun, fetchAnalyzer } from './check-sql-fetch.ts'
import { NotEmulated, startLocalBigQuery, type LocalAnswer, type LocalBigQuery } from './check-sql-local.ts'
import { DATASETS, ledgerStatements, snapshotStatements, sourceTables, type Statement } from './check-sql-statements.ts'
import { estimateStatements } from './check-sql-estimate.ts'
import { truthStatements, truthTables } from './check-sql-truth.ts'
import { hasNullElement, wireCell } from './check-sql-values.ts'

/**
 * Checks imagery's SQL against Google's own GoogleSQL analyzer and reference evaluator: every statement
 * that it sends is valid against its tables, and the local BigQuery gives the same rows; the same for
 * the statements that test the local cloud's functions.
 *
 * Exit codes: 0 all the same, 1 differences, 3 the check could not run.
 */
const DIFFERENCES = 1
const COULD_NOT_RUN = 3

const CASES = fileURLToPath(new URL('../packages/local-cloud/test/bigquery/cases/', import.meta.url))

/** The results and their report. */
class Findings {
  analyzed = 0
  compared = 0
  /** Valid statements that the local cloud refuses by name. */
  readonly refused: string[] = []
  /** Statements that the reference evaluator itself cannot run. */
  readonly notEvaluated: string[] = []
  readonly differences: string[] = []
  /** Every word of the compared statements. */
  readonly words = new Set<string>()

  compare({ sql }: Statement): void {
    this.compared += 1
    for (const word of sql.toUpperCase().match(/[A-Z_][A-Z0-9_]*(?=\s*\()/g) ?? []) this.words.add(word)
  }

  differ({ name, sql }: Statement, ...what: string[]): void {
    this.differences.push([name, sql, ...what].join('\n    '))
  }
}

async function main(): Promise<void> {
  const files = await fetchAnalyzer((line) => console.error(line))
  const analyzer = await startAnalyzer(files)
  const local = await startLocalBigQuery(DATASETS)
  const findings = new Findings()
  try {
    for (const table of [...sourceTables(), ...truthTables()]) {
      analyzer.addTable(table)
      await local.addTable(table)
    }
    for (const statement of [...snapshotStatements(), ...estimateStatements(), ...truthStatements()])
      await check(statement, analyzer, local, findings)
    for (const run of ledgerStatements()) {
      for (const table of run.tables) {
        analyzer.addTable(table)
        await local.addTable(table)
      }
      analyzer.addAnswer(run.view.path, await analyzer.evaluate(run.view.sql))
      await local.addView(run.view.path, run.view.sql)
      for (const statement of run.statements) {
        const name = `${statement.name} of ${run.profile}`
        await check({ ...statement, name }, analyzer, local, findings)
      }
    }
    const sent = findings.analyzed
    for (const sql of testedStatements()) await checkTested({ name: 'test case', sql }, analyzer, local, findings)
    report(findings, sent)
  } finally {
    analyzer.stop()
    await local.stop()
  }
}

/** A statement that imagery sends: valid, and the same rows on both sides. */
async function check(
  statement: Statement,
  analyzer: Analyzer,
  local: LocalBigQuery,
  findings: Findings,
): Promise<void> {
  const { sql, parameters = {} } = statement
  findings.analyzed += 1
  try {
    await analyzer.analyze(sql, parameters)
    const ours = await local.query(sql, parameters)
    if (statement.isOnlyAnalyzed) findings.notEvaluated.push(statement.name)
    else compare(statement, await analyzer.evaluate(sql, parameters), ours, findings)
  } catch (error) {
    findings.differ(statement, String(error))
  }
}

/** A statement of the local cloud's own tests: rows or an error on both sides. */
async function checkTested(
  statement: Statement,
  analyzer: Analyzer,
  local: LocalBigQuery,
  findings: Findings,
): Promise<void> {
  const { sql } = statement
  findings.analyzed += 1
  const [theirs, ours] = await Promise.all([outcome(analyzer.evaluate(sql)), outcome(local.query(sql))])
  if (ours instanceof NotEmulated) findings.refused.push(sql)
  else if (theirs instanceof Error && ours instanceof Error) findings.compare(statement)
  else if (!(theirs instanceof Error) && hasNull(theirs)) refusesNulls(statement, ours, findings)
  else if (theirs instanceof Error) findings.differ(statement, `Google: ${theirs.message}`, 'local: rows')
  else if (ours instanceof Error) findings.differ(statement, 'Google: rows', `local: ${ours.message}`)
  else compare(statement, theirs, ours, findings)
}

function hasNull({ columns, rows }: Evaluated): boolean {
  return rows.some((row) => row.some((value, index) => hasNullElement(columns[index]!.type, value)))
}

/** The evaluator writes arrays with NULLs, BigQuery does not. */
function refusesNulls(statement: Statement, ours: LocalAnswer | Error, findings: Findings): void {
  findings.compare(statement)
  const isRefused = ours instanceof Error && ours.message.startsWith('Array cannot have a null element')
  if (!isRefused) findings.differ(statement, 'BigQuery: Array cannot have a null element', `local: ${String(ours)}`)
}

function outcome<Answer>(answer: Promise<Answer>): Promise<Answer | Error> {
  return answer.catch((error: unknown) => error as Error)
}

function compare(statement: Statement, theirs: Evaluated, ours: LocalAnswer, findings: Findings): void {
  findings.compare(statement)
  const names = theirs.columns.map(({ name }) => name)
  const ourNames = ours.columns.map(({ name }) => name)
  // Only BigQuery names an unnamed column: f0_.
  const isSame = names.every((name, index) => name === '' || name === ourNames[index])
  if (names.length !== ourNames.length || !isSame) {
    findings.differ(statement, `Google's columns: ${names.join(', ')}`, `local columns: ${ourNames.join(', ')}`)
    return
  }
  const wire = theirs.rows.map((row) => row.map((value, index) => wireCell(theirs.columns[index]!.type, value)))
  const expected = ordered(statement.sql, wire.map(text))
  const found = ordered(statement.sql, ours.rows.map(text))
  const index = expected.findIndex((row, place) => row !== found[place])
  if (expected.length !== found.length) {
    findings.differ(statement, `Google: ${expected.length} rows`, `local: ${found.length} rows`)
  } else if (index >= 0) {
    findings.differ(statement, `Google: ${expected[index]}`, `local:  ${found[index]}`)
  }
}

/** JSON has no NaN and no negative zero, which are different values. */
function text(row: readonly unknown[]): string {
  return JSON.stringify(row, (_, value: unknown) => {
    if (typeof value !== 'number') return value
    return Object.is(value, -0) ? '-0' : Number.isFinite(value) ? value : String(value)
  })
}

/** Without ORDER BY, a query's rows have no fixed order. */
function ordered(sql: string, rows: string[]): string[] {
  return /\bORDER BY [^()]*$/i.test(sql) || /\bORDER BY FARM_FINGERPRINT.*\nLIMIT \d+$/.test(sql)
    ? rows
    : rows.toSorted()
}

/** The statements of the local BigQuery's tests; they name no table. */
function testedStatements(): string[] {
  return readdirSync(CASES).flatMap((file) => {
    const { cases } = JSON.parse(readFileSync(path.join(CASES, file), 'utf8')) as { cases: { sql: string }[] }
    return cases.map(({ sql }) => sql)
  })
}

/** Every scalar function that the local cloud translates. */
function functionNames(): string[] {
  const { plain, special } = scalarFunctions
  return Object.keys({ ...plain, ...special }).toSorted()
}

function report(findings: Findings, sent: number): void {
  const { analyzed, compared, refused, notEvaluated, differences } = findings
  for (const difference of differences) console.log(`DIFFERENT: ${difference}\n`)
  console.log(`${sent} statements that imagery sends, ${analyzed - sent} of the local cloud's tests`)
  console.log(`${compared} compared with Google's evaluator: ${differences.length} differences`)
  console.log(`${notEvaluated.length} only analyzed (the evaluator has no ST_X and ST_Y, and runs no INSERT)`)
  console.log(`${refused.length} refused by name by the local cloud`)
  const missing = functionNames().filter((name) => !findings.words.has(name))
  console.log(`scalar functions in no compared statement: ${missing.length === 0 ? 'none' : missing.join(', ')}`)
  if (differences.length > 0) process.exitCode = DIFFERENCES
}

try {
  await main()
} catch (error) {
  if (!(error instanceof CouldNotRun)) throw error
  console.error(`The SQL was not checked: ${error.message}`)
  process.exitCode = COULD_NOT_RUN
}
