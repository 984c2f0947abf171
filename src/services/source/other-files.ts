import path from 'node:path'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'

/** What a file is that holds no table which imagery reads, and the commands that make one. */
export interface OtherFile {
  /** A clause about the file. */
  what: string
  suggestions: string[]
}

const SPREADSHEET = /\.(?:xlsx|xlsm|xls|ods|numbers)$/i
const TEXT = /\.(?:txt|tab|dat|asc)$/i

/** How files are compressed: the names of their endings, their first bytes, and the program that unpacks them. */
const COMPRESSED: readonly { name: string; ending: RegExp; bytes: Buffer; command: string }[] = [
  // https://www.rfc-editor.org/rfc/rfc1952#section-2.3.1
  { name: 'gzip', ending: /\.gz$/i, bytes: Buffer.from([0x1f, 0x8b, 0x08]), command: 'gunzip -c' },
  // https://www.rfc-editor.org/rfc/rfc8878#section-3.1.1
  { name: 'Zstandard', ending: /\.zst$/i, bytes: Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), command: 'zstd -dc' },
  // https://sourceware.org/bzip2/manual/manual.html
  { name: 'bzip2', ending: /\.bz2$/i, bytes: Buffer.from('BZh'), command: 'bunzip2 -c' },
  // https://tukaani.org/xz/xz-file-format.txt
  { name: 'xz', ending: /\.xz$/i, bytes: Buffer.from('\xfd7zXZ\0', 'latin1'), command: 'xz -dc' },
]

const SAVE_AS_CSV = 'Save it as "CSV UTF-8" in the spreadsheet program, and use that file'

/** Files that a table's name does not fit, by their first bytes. */
const BEGINNINGS: readonly { bytes: Buffer; of: (file: string) => OtherFile }[] = [
  ...COMPRESSED.map(({ bytes, ...packed }) => ({ bytes, of: (file: string) => compressed(file, packed) })),
  // https://avro.apache.org/docs/1.12.0/specification/#object-container-files
  { bytes: Buffer.from('Obj\u0001'), of: (file) => ({ what: 'it is an Avro file', suggestions: [fromAvro(file)] }) },
  // https://orc.apache.org/specification/ORCv1/
  { bytes: Buffer.from('ORC'), of: () => ({ what: 'it is an ORC file', suggestions: [FROM_ORC] }) },
  // https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
  {
    bytes: Buffer.from('PK\u0003\u0004'),
    of: (file) => ({
      what: 'it is a zip archive or a spreadsheet, not text',
      suggestions: [`unzip -l ${shellWord(file)}   (shows what is in it)`, SAVE_AS_CSV],
    }),
  },
  // The older format of spreadsheets: https://learn.microsoft.com/openspecs/windows_protocols/ms-cfb
  {
    bytes: Buffer.from([0xd0, 0xcf, 0x11, 0xe0]),
    of: () => ({ what: 'it is a spreadsheet, not text', suggestions: [SAVE_AS_CSV] }),
  },
  // https://parquet.apache.org/docs/file-format/
  {
    bytes: Buffer.from('PAR1'),
    of: (file) => ({
      what: 'it is a Parquet file',
      suggestions: [`cp ${shellWord(file)} ${shellWord(withEnding(file, '.parquet'))}`],
    }),
  },
  // https://www.sqlite.org/fileformat.html#magic_header_string
  {
    bytes: Buffer.from('SQLite format 3\0'),
    of: (file) => ({
      what: 'it is an SQLite database',
      suggestions: [
        `sqlite3 ${shellWord(file)} .tables`,
        `sqlite3 -csv -header ${shellWord(file)} 'SELECT * FROM TABLE' > rows.csv`,
      ],
    }),
  },
]

/** Texts that are no table, by how they begin. */
const TEXTS: readonly { begins: RegExp; of: (file: string) => OtherFile }[] = [
  {
    begins: /^\s*<(?:!doctype html|html|head)\b/i,
    of: (file) => ({
      what: 'it is a web page, such as a login or an error page, not the file',
      suggestions: [`head -c 300 ${shellWord(file)}`, 'Download the file again'],
    }),
  },
  {
    begins: /^\s*<\?xml\b/,
    of: (file) => ({ what: 'it is XML', suggestions: [`head -c 300 ${shellWord(file)}`] }),
  },
  // https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md#the-pointer
  {
    begins: /^version https:\/\/git-lfs\.github\.com\/spec\//,
    of: (file) => ({
      what: 'it is a pointer of Git LFS, not the file',
      suggestions: [`git lfs pull --include ${shellWord(file)}`],
    }),
  },
]

/** How one table is made of the tables in a folder. */
interface Parts {
  ending: string
  table: string
  command: (folder: string) => string
}

/** Programs write one table as many files: Spark, and BigQuery's own export. */
const PARTS: readonly Parts[] = [
  {
    ending: '.parquet',
    table: 'rows.parquet',
    command: (folder) =>
      duckdb(`COPY (FROM read_parquet(${sqlText(`${folder}/*.parquet`)}, union_by_name = true)) TO 'rows.parquet'`),
  },
  ...['.csv', '.csv.gz'].map((ending): Parts => ({
    ending,
    table: 'rows.csv',
    command: (folder) =>
      duckdb(
        `COPY (FROM read_csv(${sqlText(`${folder}/*${ending}`)}, all_varchar = true, union_by_name = true)) TO 'rows.csv'`,
      ),
  })),
  ...['.jsonl', '.ndjson', '.json'].flatMap((ending): Parts[] => [
    { ending, table: 'rows.jsonl', command: (folder) => `cat ${shellWord(folder)}/*${ending} > rows.jsonl` },
    {
      ending: `${ending}.gz`,
      table: 'rows.jsonl',
      command: (folder) => `gunzip -c ${shellWord(folder)}/*${ending}.gz > rows.jsonl`,
    },
  ]),
  { ending: '.avro', table: 'rows.parquet', command: (folder) => fromAvro(`${folder}/*.avro`).replace(/ {3}.*$/, '') },
]

const sqlText = (text: string): string => `'${text.replaceAll("'", "''")}'`

const duckdb = (statement: string): string => `duckdb -c ${shellWord(statement)}`

/** Returns the command that makes one table of the tables in a folder, if it has any. */
export function tableOfFolder(folder: string, files: readonly { name: string }[]): string[] {
  const found = PARTS.find(({ ending }) => files.some(({ name }) => name.endsWith(ending)))
  if (found === undefined) return []
  const command = found.command(folder.replace(/\/+$/, ''))
  return [`${command}   (if its files are one table; then --table ${found.table})`]
}

const CSV_NAME = /\.(?:csv|tsv)$/i
const BEGINS_LIKE_JSON = /^\s*[[{]\s*["{]/
const MOST_LETTERS = 200

/** Recognizes a file that is no table, whatever its name says, by its beginning. */
export function otherContent(beginning: Buffer, file: string): OtherFile | undefined {
  const bytes = BEGINNINGS.find((each) => beginning.subarray(0, each.bytes.length).equals(each.bytes))
  if (bytes) return bytes.of(file)
  const text = beginning.toString('utf8', 0, MOST_LETTERS).replace(/^\uFEFF/, '')
  if (CSV_NAME.test(file) && BEGINS_LIKE_JSON.test(text)) {
    const suggestions = [`cp ${shellWord(file)} ${shellWord(withEnding(file, '.json'))}`]
    return { what: 'it is JSON, not CSV', suggestions }
  }
  return TEXTS.find(({ begins }) => begins.test(text))?.of(file)
}

/** Returns what to do with a file whose extension is not a table's. */
export function otherExtension(file: string): string[] {
  const packed = COMPRESSED.find(({ ending }) => ending.test(file))
  if (packed) return compressed(file, packed).suggestions
  if (/\.avro$/i.test(file)) return [fromAvro(file)]
  if (/\.orc$/i.test(file)) return [FROM_ORC]
  if (SPREADSHEET.test(file)) return [SAVE_AS_CSV]
  if (/\.zip$/i.test(file)) return [`unzip ${shellWord(file)}`]
  if (TEXT.test(file) || path.extname(file) === '')
    return [`cp ${shellWord(file)} ${shellWord(withEnding(file, '.csv'))}   (if it is a table)`]
  return []
}

function compressed(file: string, { name, ending, command }: Omit<(typeof COMPRESSED)[number], 'bytes'>): OtherFile {
  const output = ending.test(file) ? file.replace(ending, '') : file.replace(/(\.\w+)?$/, '-unpacked$1')
  return {
    what: `it is compressed with ${name}`,
    suggestions: [`${command} < ${shellWord(file)} > ${shellWord(output)}`],
  }
}

const fromAvro = (file: string): string =>
  `${duckdb(`INSTALL avro; LOAD avro; COPY (FROM read_avro(${sqlText(file)})) TO 'rows.parquet'`)}   (then --table rows.parquet)`

const FROM_ORC = 'Write the table as Parquet, CSV or JSONL, which BigQuery and Spark export too'

const withEnding = (file: string, ending: string): string => file.replace(/(?:\.\w+)?$/, ending)
