import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { counted } from '../../contracts/count-text.ts'
import { exampleText } from './unread-values.ts'

/**
 * What databases write for no value, without quotes: Postgres (https://www.postgresql.org/docs/current/sql-copy.html),
 * MySQL (https://dev.mysql.com/doc/refman/8.4/en/load-data.html) and Hive. No one calls anything so.
 */
export const DATABASE_NULL = String.raw`\N`

/** What the same programs write for a character inside of a value. */
const ESCAPE = /\\[\\bfnrtv0"',;]/

/** Looks for the way in which databases write tables, which is not CSV: a backslash before some characters. */
export class BackslashObserver {
  #nulls = 0
  #firstNull = 0
  #escapes = 0
  #example = { text: '', line: 0 }

  add(values: readonly unknown[], line: number): void {
    for (const value of values) {
      if (typeof value !== 'string' || !value.includes('\\')) continue
      if (value === DATABASE_NULL) {
        this.#firstNull ||= line
        this.#nulls += 1
      } else if (ESCAPE.test(value)) {
        if (this.#escapes === 0) this.#example = { text: value, line }
        this.#escapes += 1
      }
    }
  }

  /** Backslashes alone are also between the folders of Windows; beside `\N`, they rather are a database's. */
  warnings(file: string): string[] {
    if (this.#nulls === 0) return []
    const nulls = `${counted(this.#nulls, 'value')} ${DATABASE_NULL} ${this.#nulls === 1 ? 'is' : 'are'} read as no value, for example in line ${this.#firstNull}`
    if (this.#escapes === 0) return [nulls]
    const { text, line } = this.#example
    const values = `${counted(this.#escapes, 'value')} with backslashes ${this.#escapes === 1 ? 'is' : 'are'} read as written, for example "${exampleText(text)}" in line ${line}`
    const fix = /\.tsv$/i.test(file)
      ? `if a database wrote them: ${plainCommand(file)}`
      : 'a database that wrote them can write CSV instead (Postgres: FORMAT csv)'
    return [nulls, `${values}; ${fix}`]
  }
}

/** Turns the text of Postgres' COPY and of MySQL, a row per line with tabs and backslashes, into CSV. */
function plainCommand(file: string): string {
  const letters = String.raw`b=>"\b",f=>"\f",n=>"\n",r=>"\r",t=>"\t",v=>"\x0b"`
  const value = String.raw`$_ eq "\\N" ? "" : do { s|\\(.)|{${letters}}->{$1}//$1|ge; s/"/""/g; "\"$_\"" }`
  const script = String.raw`chomp; next if $_ eq "\\."; print join(",", map { ${value} } split /\t/, $_, -1), "\n"`
  return `perl -ne ${shellWord(script)} ${shellWord(file)} > rows.csv`
}

/** Turns CSV with backslashes before quotes into what RFC 4180 has, and leaves `\N` as it is. */
function quotedCommand(file: string, delimiter: string): string {
  const name = `'${file.replaceAll("'", "''")}'`
  const statement = String.raw`COPY (FROM read_csv(${name}, all_varchar = true, delim = '${delimiter}', escape = '\')) TO 'rows.csv'`
  return `duckdb -c ${shellWord(statement)}`
}

/** What to do with a file in which a quote has a backslash before it: CSV has another quote there. */
export function escapedQuoteAdvice(line: string, { file, delimiter }: { file: string; delimiter: string }): string[] {
  if (!line.includes(String.raw`\"`)) return []
  return [`${quotedCommand(file, delimiter)}   (if it is how Spark or MySQL write quotes inside values)`]
}

/** What to do with a file with tabs that has a quote in the middle of a value: databases put none around values. */
export function plainQuoteAdvice(file: string, delimiter: string): string[] {
  return delimiter === '\t' ? [`${plainCommand(file)}   (if quotes are parts of values, as databases write them)`] : []
}

/** What to do with a file in which a row has another number of values, because a backslash was before a separator. */
export function escapedSeparatorAdvice(record: readonly string[], file: string): string[] {
  if (record[0] === String.raw`\.`) return [`${plainCommand(file)}   (if Postgres wrote the file)`]
  return record.some((value) => value.endsWith('\\'))
    ? [`Write the file with quotes around values and no backslashes (Postgres: FORMAT csv; Spark: option escape = '"')`]
    : []
}
