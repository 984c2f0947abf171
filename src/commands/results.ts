import path from 'node:path'
import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { ImageryError } from '../contracts/errors.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { writeWholeFile } from '../services/runs/results-file.ts'
import { openRawAnswers, openResults, type RunResults } from '../services/runs/results.ts'
import { csvLine } from '../ui/csv.ts'
import { plainJson, plainText } from '../ui/plain-text.ts'
import { printPieces } from '../ui/print-pieces.ts'
import { fittingColumns, formatTable } from '../ui/table.ts'

const FORMATS = ['table', 'jsonl', 'csv'] as const

/** The table format, which is for people, shows this many rows. */
const TABLE_ROWS = 50

export default class Results extends CloudCommand {
  static override summary = "Print a run's rows, or write them to a file"

  static override description =
    'Streams the results table: one row per asset, with its images, its answer, and where the answer came from. If the run was stopped, prints the rows so far; the others have the status pending. --format table shows the first rows and the columns that fit.'

  static override examples = [
    { description: 'The newest run, as a table', command: '<%= config.bin %> <%= command.id %> --local' },
    {
      description: 'Every row, one JSON object per line',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --local --format jsonl -o results.jsonl',
    },
    {
      description: 'What the model wrote where its answer did not fit the profile',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --local --raw-answers --format jsonl',
    },
  ]

  static override args = {
    run_id: Args.string({ description: 'run ID or unique prefix (default: the newest run)' }),
  }

  static override flags = {
    format: Flags.option({
      options: FORMATS,
      summary: 'output format (default: table; for a file jsonl, or csv if its name ends in .csv)',
      char: 'f',
    })(),
    'raw-cells': Flags.boolean({
      summary: "csv: do not put a ' before text that a spreadsheet would run as a formula",
    }),
    'raw-answers': Flags.boolean({
      summary: "print the model's exact answers that were repaired or did not fit the profile, from the ledger",
    }),
    'output-file': Flags.string({ summary: 'write to a file instead of stdout', char: 'o', helpValue: 'FILE' }),
  }

  async run(): Promise<
    | { run_id: string; table: string; rows: number; file: string | null }
    | { run_id: string; table: string; rows: Record<string, unknown>[] }
  > {
    const { args, flags } = await this.parse(Results)
    const file = flags['output-file']
    const format = flags.format ?? usualFormat(file)
    if (file !== undefined && format === 'table') {
      throw new ImageryError(
        'INVALID_FLAG',
        '--format table cannot be written to a file, because it shows only the rows and columns that fit',
        {
          suggestions: [`--format jsonl or --format csv with --output-file ${shellWord(file)}`],
        },
      )
    }
    if (flags['raw-cells'] && format !== 'csv') {
      throw new ImageryError('INVALID_FLAG', `--raw-cells works only with --format csv, not ${format}`, {
        suggestions: ['Run the same command with --format csv'],
      })
    }
    const { target, store } = await this.session(flags)
    const open = flags['raw-answers'] ? openRawAnswers : openResults
    const results = await open(target, store, args.run_id)
    if (results.warning !== undefined) this.warn(results.warning)
    if (this.jsonEnabled() && file === undefined) {
      return { run_id: results.runId, table: results.table, rows: await Array.fromAsync(results.rows) }
    }
    const rows =
      format === 'table'
        ? await this.#showTable(results)
        : await write(results, { format, raw: flags['raw-cells'] }, file)
    if (file !== undefined) this.log(`Wrote ${rows.toLocaleString('en')} rows of ${results.table} to ${file}`)
    return { run_id: results.runId, table: results.table, rows, file: file ?? null }
  }

  async #showTable(results: RunResults): Promise<number> {
    const shown: Record<string, unknown>[] = []
    for await (const row of results.rows) {
      shown.push(row)
      if (shown.length === TABLE_ROWS) break
    }
    const columns = shownColumns(results.columns, shown, this.width)
    this.show(
      formatTable(
        columns,
        shown.map((row) => columns.map((column) => row[column])),
        this.width,
        columns.slice(0, 1),
      ),
    )
    if (results.count > shown.length)
      this.log(
        `… ${(results.count - shown.length).toLocaleString('en')} more rows. To see them all, use --format jsonl or csv`,
      )
    return shown.length
  }
}

function usualFormat(file: string | undefined): (typeof FORMATS)[number] {
  if (file === undefined) return 'table'
  return path.extname(file).toLowerCase() === '.csv' ? 'csv' : 'jsonl'
}

/** Returns the asset, its status, and as many of the answer's single values as fit. */
function shownColumns(columns: readonly string[], rows: readonly Record<string, unknown>[], width: number): string[] {
  const identifying = columns.includes('asset_id') ? 'asset_id' : 'unit_id'
  const hidden = new Set([
    'location',
    'detection_time',
    'run_id',
    'attempt_id',
    'prompt_hash',
    'input_hash',
    'finished_at',
    identifying,
    'status',
  ])
  const isShown = (column: string): boolean =>
    !hidden.has(column) &&
    rows.some((row) => row[column] !== null && row[column] !== undefined) &&
    !rows.some((row) => typeof row[column] === 'object' && row[column] !== null)
  return fittingColumns([identifying, 'status', ...columns.filter(isShown)], rows, width)
}

async function* mapped(pieces: AsyncIterable<string>, change: (piece: string) => string): AsyncGenerator<string> {
  for await (const piece of pieces) yield change(piece)
}

interface Writing {
  format: 'jsonl' | 'csv'
  /** Whether to leave text unchanged that a spreadsheet would run as a formula. */
  raw: boolean
}

async function write(results: RunResults, writing: Writing, file: string | undefined): Promise<number> {
  const counted = { rows: 0 }
  const pieces = lines(results, writing, counted)
  if (file !== undefined) await writeWholeFile(file, pieces)
  else {
    // JSON is safe to print. A program gets CSV unchanged; a terminal gets it without control characters.
    const shown = (line: string): string => (process.stdout.isTTY && writing.format === 'csv' ? plainText(line) : line)
    await printPieces(mapped(pieces, shown))
  }
  return counted.rows
}

/** Yields the rows as lines of text, and counts them. */
async function* lines(
  { columns, numericColumns, rows }: RunResults,
  { format, raw }: Writing,
  counted: { rows: number },
): AsyncGenerator<string> {
  const isNumeric = (column: number): boolean => numericColumns.has(columns[column] ?? '')
  if (format === 'csv') yield csvLine(columns)
  for await (const row of rows) {
    yield format === 'csv'
      ? csvLine(
          columns.map((column) => row[column]),
          { raw, isNumeric },
        )
      : `${plainJson(JSON.stringify(row))}\n`
    counted.rows += 1
  }
}
