import { Args, Flags } from '@oclif/core'
import { CloudCommand } from '../cli/cloud-command.ts'
import { ImageryError } from '../contracts/errors.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { exported, type Export } from '../services/results/export.ts'
import { destinationOf, LOCATED, RESULT_FORMATS, type FileFormat } from '../services/results/formats.ts'
import { LOCATION } from '../services/results/geometry.ts'
import { checkChoice, readRows, sameFailures, type RowChoice } from '../services/results/read-rows.ts'
import { growHeapSlowly } from '../services/results/memory.ts'
import { jsonRows } from '../services/results/json-rows.ts'
import type { CsvFlags } from '../services/results/text-pieces.ts'
import { writeWholeFile } from '../services/results/whole-file.ts'
import { checkSheetRows } from '../services/results/xlsx.ts'
import { withScratchFolder } from '../services/source/scratch-folder.ts'
import { openRawAnswers, openResults, type RunRows } from '../services/runs/results.ts'
import { plainJson, plainText } from '../ui/plain-text.ts'
import { printPieces } from '../ui/print-pieces.ts'
import { formatResults } from '../ui/results-table.ts'
import { counted, countText } from '../contracts/count-text.ts'

/** The table format, which is for people, shows this many rows unless the user asks for more. */
const TABLE_ROWS = 50

/** It lists this many kinds of failures. */
const FAILURE_KINDS = 8

export default class Results extends CloudCommand {
  static override summary = "Print a run's rows, or write them to a file"

  static override description =
    'Reads the results table: one row per asset, with its images, its answer, and where the answer came from, in the order of the IDs. If the run was stopped, prints the rows so far; the others have the status pending. --format table shows the first rows and the columns that fit, with long IDs shortened; the other formats have everything.'

  static override examples = [
    { description: 'The newest run, as a table', command: '<%= config.bin %> <%= command.id %> --local' },
    {
      description: 'Every row, one JSON object per line',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --local -o results.jsonl',
    },
    {
      description: 'Some columns of some rows, as a spreadsheet',
      command:
        '<%= config.bin %> <%= command.id %> 261123-9f --local --where "verdict != \'good\'" --columns asset_id,verdict,reason --sort verdict -o bad.xlsx',
    },
    {
      description: 'What failed, and why',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --local --failed',
    },
    {
      description: 'The assets as points on a map',
      command: '<%= config.bin %> <%= command.id %> 261123-9f --local -o results.geojson',
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
      options: RESULT_FORMATS,
      summary: "output format (default: the format of the file's extension, or table)",
      char: 'f',
    })(),
    'output-file': Flags.string({
      summary: 'write to a file instead of stdout; - is stdout',
      char: 'o',
      helpValue: 'FILE',
    }),
    where: Flags.string({ summary: 'GoogleSQL condition on the columns of the results', helpValue: 'SQL' }),
    columns: Flags.string({ summary: 'columns to show, in this order', helpValue: 'COLUMN,…' }),
    failed: Flags.boolean({ summary: 'only the failed rows' }),
    sort: Flags.string({
      summary: 'columns to sort by before the ID; :desc sorts from the highest to the lowest',
      helpValue: 'COLUMN[:desc],…',
    }),
    limit: Flags.integer({ summary: 'only the first N rows', min: 1, helpValue: 'N' }),
    bom: Flags.boolean({ summary: 'csv: begin with a byte order mark, so that Excel reads it as UTF-8' }),
    'raw-cells': Flags.boolean({
      summary: "csv: do not put a ' before text that a spreadsheet would run as a formula",
    }),
    'raw-answers': Flags.boolean({
      summary: "print the model's exact answers that were repaired or did not fit the profile, from the ledger",
    }),
  }

  #isPrinted = false

  async run(): Promise<{ run_id: string; table: string; rows: number; file: string | null } | undefined> {
    const { args, flags } = await this.parse(Results)
    const { format, file } = destinationOf({
      format: flags.format,
      file: flags['output-file'],
      rawCells: flags['raw-cells'],
      bom: flags.bom,
      isTerminal: process.stdout.isTTY,
      isJson: this.jsonEnabled(),
    })
    checkChoice(flags)
    const { signal } = this
    growHeapSlowly()
    const { target, store } = await this.session(flags)
    const source = await (flags['raw-answers'] ? openRawAnswers : openResults)(target, store, args.run_id)
    if (source.warning !== undefined) this.warn(source.warning)
    const done = { run_id: source.runId, table: source.table, file: file ?? null }
    if (this.jsonEnabled() && file === undefined) {
      await this.#printDocument(source, flags, signal)
      return undefined
    }
    if (format === 'table') return { ...done, rows: await this.#showTable(source, flags) }
    const options = { rawCells: flags['raw-cells'], bom: flags.bom }
    const rows = await this.#export(source, flags, { format, file, options })
    if (file !== undefined) this.log(`Wrote ${counted(rows, 'row')} of ${source.table} to ${file}`)
    return { ...done, rows }
  }

  /** The document has its rows one by one, because there can be a million of them. */
  protected override logJson(json: unknown): void {
    if (!this.#isPrinted) super.logJson(json)
  }

  async #printDocument(source: RunRows, choice: RowChoice, signal: AbortSignal): Promise<void> {
    const { pages } = await readRows(source, choice)
    const { runId: run_id, table } = source
    const head = JSON.stringify({ run_id, table }).slice(0, -1)
    await withScratchFolder('imagery-results-', async (folder) => {
      // Only when all rows have been read is it certain that the document is no error.
      const rows = await jsonRows(folder, pages, signal)
      this.#isPrinted = true
      const tail = JSON.stringify(this.toSuccessJson({})).slice(1)
      await printPieces(printable(document(head, rows, tail), plainJson))
    })
  }

  async #showTable(source: RunRows, flags: RowChoice): Promise<number> {
    const limit = flags.limit ?? TABLE_ROWS
    const { fields, pages } = await readRows(source, { ...flags, limit: limit + (flags.limit === undefined ? 1 : 0) })
    const found = (await Array.fromAsync(pages)).flat()
    const rows = found.slice(0, limit)
    const isFiltered = flags.where !== undefined || flags.failed === true
    const more = found.length <= rows.length ? 0 : isFiltered ? 'some' : (source.count ?? 'some')
    const hasFailures = rows.some(({ status }) => status === 'failed' || status === 'throttled')
    const failures = hasFailures && source.count !== undefined ? await sameFailures(source, flags, FAILURE_KINDS) : []
    const table = {
      columns: fields.map(({ name }) => name ?? ''),
      rows,
      isChosen: flags.columns !== undefined,
      onlyFailed: flags.failed === true,
      more: more === 'some' ? more : Math.max(0, more - rows.length),
      failures,
    } as const
    this.show(formatResults(table, this.width))
    return rows.length
  }

  async #export(
    source: RunRows,
    choice: RowChoice,
    { format, file, options }: { format: FileFormat; file: string | undefined; options: CsvFlags },
  ): Promise<number> {
    const also = LOCATED.has(format) ? [placeOf(source, format), ...source.key] : []
    const rows = await readRows(source, choice, also)
    if (format === 'xlsx') checkSheetRows(rows.total)
    const made = exported(format, rows, options)
    // JSON is safe to print. A program gets CSV unchanged; a terminal gets it without control characters.
    const isJson = format === 'jsonl' || format === 'geojson'
    const isShown = file === undefined && process.stdout.isTTY
    const change = isJson ? plainJson : isShown ? plainText : (piece: string): string => piece
    const pieces = printable(made.pieces, change)
    await (file === undefined ? printPieces(pieces) : writeWholeFile(file, pieces, this.signal))
    this.#warnOfCuts(made)
    return made.counted.rows
  }

  #warnOfCuts({ cut: { cells, first } }: Export): void {
    if (cells === 0) return
    const which = cells === 1 ? `Cell ${first} was` : `${countText(cells)} cells, the first of them ${first}, were`
    this.warn(
      `${which} cut, because a spreadsheet's cell holds at most 32,767 characters; csv, jsonl and parquet have all`,
    )
  }
}

/** @throws ImageryError INVALID_FLAG if the rows have no place */
function placeOf({ fields, table }: RunRows, format: string): string {
  if (fields.some(({ name }) => name === LOCATION)) return LOCATION
  throw new ImageryError(
    'INVALID_FLAG',
    `--format ${format} needs a column ${LOCATION}, which these rows of ${table} do not have`,
    {
      suggestions: ['--format jsonl', `-o ${shellWord('results.csv')}`],
    },
  )
}

async function* printable(
  pieces: AsyncIterable<string | Buffer>,
  change: (piece: string) => string,
): AsyncGenerator<string | Buffer> {
  for await (const piece of pieces) yield typeof piece === 'string' ? change(piece) : piece
}

/** A JSON document with a list of rows. Its other members are before and after them. */
async function* document(head: string, rows: AsyncIterable<string>, tail: string): AsyncGenerator<string> {
  yield `${head},"rows":[`
  yield* rows
  yield `],${tail}\n`
}
