import path from 'node:path'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'

/** Formats of results. `table` is for people; the others are files. */
export const RESULT_FORMATS = ['table', 'csv', 'jsonl', 'parquet', 'geojson', 'geoparquet', 'xlsx'] as const

export type ResultFormat = (typeof RESULT_FORMATS)[number]
export type FileFormat = Exclude<ResultFormat, 'table'>

/** The extensions of each format. A format with an extension in a list before it needs `--format`. */
const EXTENSIONS: Readonly<Record<FileFormat, readonly string[]>> = {
  csv: ['.csv'],
  jsonl: ['.jsonl', '.ndjson'],
  parquet: ['.parquet'],
  geojson: ['.geojson'],
  geoparquet: ['.geoparquet', '.parquet'],
  xlsx: ['.xlsx'],
}

/** Formats that a terminal cannot show. */
const BINARY: ReadonlySet<ResultFormat> = new Set(['parquet', 'geoparquet', 'xlsx'])

/** Formats in which every row has a place. */
export const LOCATED: ReadonlySet<ResultFormat> = new Set(['geojson', 'geoparquet'])

/** What the user asked for: `-o`, `--format`, and flags of one format. */
export interface FormatFlags {
  format: ResultFormat | undefined
  /** Undefined or `-` for stdout. */
  file: string | undefined
  rawCells: boolean
  bom: boolean
  /** Whether stdout is a terminal. */
  isTerminal: boolean
  /** Whether stdout gets a JSON document. */
  isJson: boolean
}

/** Where the rows go, and in which format. */
export interface Destination {
  format: ResultFormat
  /** Undefined for stdout. */
  file: string | undefined
}

/**
 * Returns the format of the output: the one named, or the one of the file's extension.
 *
 * @throws ImageryError INVALID_FLAG if they contradict each other, the extension is unknown, or a flag belongs to another
 * format
 */
export function destinationOf(flags: FormatFlags): Destination {
  const file = flags.file === '-' ? undefined : flags.file
  if (flags.file === '-' && flags.isJson) {
    throw new ImageryError('INVALID_FLAG', '--json and -o - both write to stdout', {
      suggestions: ['--json -o FILE', '--format jsonl -o -'],
    })
  }
  const format = file === undefined ? (flags.format ?? 'table') : fileFormat(file, flags.format)
  if (file === undefined && BINARY.has(format) && (flags.isTerminal || flags.isJson)) {
    const why = flags.isJson ? 'is not part of a JSON document' : 'is not text, so a terminal cannot show it'
    throw new ImageryError('INVALID_FLAG', `--format ${format} ${why}`, {
      suggestions: [`--format ${format} -o results${EXTENSIONS[format as FileFormat][0]}`],
    })
  }
  for (const [flag, isGiven] of [
    ['--raw-cells', flags.rawCells],
    ['--bom', flags.bom],
  ] as const) {
    if (isGiven && format !== 'csv') {
      throw new ImageryError('INVALID_FLAG', `${flag} works only with --format csv, not ${format}`, {
        suggestions: ['Run the same command with --format csv'],
      })
    }
  }
  return { format, file }
}

function fileFormat(file: string, given: ResultFormat | undefined): FileFormat {
  const extension = path.extname(file).toLowerCase()
  const word = shellWord(file)
  if (given === 'table') {
    throw new ImageryError(
      'INVALID_FLAG',
      '--format table cannot be written to a file, because it shows only the rows and columns that fit',
      { suggestions: [`-o ${shellWord(renamed(file, '.csv'))}`, `-o ${shellWord(renamed(file, '.jsonl'))}`] },
    )
  }
  const known = Object.entries(EXTENSIONS) as [FileFormat, readonly string[]][]
  if (given !== undefined) {
    // A pipe, a device or a bare name says nothing about its content.
    if (extension === '' || EXTENSIONS[given].includes(extension)) return given
    throw new ImageryError(
      'INVALID_FLAG',
      `-o ${file} does not end in ${EXTENSIONS[given].join(' or ')}, as a file with --format ${given} does`,
      { suggestions: [`-o ${shellWord(renamed(file, EXTENSIONS[given][0]!))}`, `--format ${given} -o - > ${word}`] },
    )
  }
  const found = known.find(([, extensions]) => extensions.includes(extension))
  if (found) return found[0]
  const all = [...new Set(known.flatMap(([, extensions]) => extensions))].join(', ')
  throw new ImageryError(
    'INVALID_FLAG',
    extension === ''
      ? `-o ${file} has no extension that says the format: ${all}`
      : `-o ${file} has an unknown extension. Known extensions: ${all}`,
    { suggestions: [`-o ${shellWord(renamed(file, '.csv'))}`, `--format csv -o - > ${word}`] },
  )
}

function renamed(file: string, extension: string): string {
  const { dir, name } = path.parse(file)
  return path.join(dir, `${name}${extension}`)
}
