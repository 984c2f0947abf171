import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import type { Unit } from '../../contracts/model-options.ts'
import { RESERVED_COLUMNS } from '../../contracts/tables.ts'
import { nearestName } from '../../profiles/nearest-name.ts'
import { looseName } from '../source/columns.ts'
import type { AnswerColumn } from './columns.ts'

/** How a user names the columns of the truth. */
export interface TruthFlags {
  /** `--id`. */
  id?: string | undefined
  /** `--column`: `TRUTH=COLUMN` each. */
  columns?: readonly string[] | undefined
}

/** A column of the answer, and where its true values are. */
export interface TruthColumn {
  column: AnswerColumn
  /** The place among the headers. */
  index: number
  /** The path to the member, if the column of the truth has a whole struct, as files of `imagery results` do. */
  member: readonly string[]
}

/** Which columns of a table of true values are used. */
export interface TruthColumns {
  /** The place of the ID among the headers. */
  id: number
  judged: readonly TruthColumn[]
  /** Headers that nothing uses, without imagery's own columns, which an exported table of results has. */
  unused: readonly string[]
}

/**
 * Finds the column with the units' IDs, and a true value for each column of the answer: by `--column`, or by the same name
 * without regard to case, spaces and dashes.
 *
 * @throws ImageryError COLUMN_NOT_FOUND that suggests the name that was meant
 */
export function truthColumns(
  { given, headers }: { given: string; headers: readonly string[] },
  answer: readonly AnswerColumn[],
  { id: idFlag, columns = [], unit }: TruthFlags & { unit: Unit },
): TruthColumns {
  const table: Table = { given, headers }
  const id = idFlag === undefined ? usualId(table, unit) : headerNamed(table, idFlag, '--id')
  const named = new Map<string, number>()
  for (const each of columns) {
    const { index, column } = mapping(table, answer, each)
    if (named.has(column.name)) throw wrongColumn(`--column names ${column.name} twice`)
    named.set(column.name, index)
  }
  const used = new Set(named.values())
  const judged = answer.flatMap((column) => {
    if (column.kind === 'other') return []
    const [first = '', ...below] = column.path
    const own = named.get(column.name) ?? sameName(table, column.name)
    const index = own ?? (below.length > 0 ? sameName(table, first) : undefined)
    return index === undefined || (!named.has(column.name) && (index === id || used.has(index)))
      ? []
      : [{ column, index, member: own === undefined ? below : [] }]
  })
  if (judged.length === 0) throw nothingToJudge(table, answer, id)
  const indexes = new Set([id, ...judged.map(({ index }) => index)])
  return { id, judged, unused: headers.filter((header, index) => !indexes.has(index) && !isOwn(header)) }
}

const isOwn = (header: string): boolean => RESERVED_COLUMNS.has(header.split('.')[0]!)

interface Table {
  given: string
  headers: readonly string[]
}

/** Names of the column with the units' IDs, the most exact first. */
function usualId(table: Table, unit: Unit): number {
  const names = ['unit_id', ...(unit === 'observation' ? ['observation_id'] : []), 'asset_id', 'id', 'assetid', 'asset']
  for (const name of names) {
    const index = sameName(table, name)
    if (index !== undefined) return index
  }
  throw wrongColumn(
    `${table.given} has no column unit_id, asset_id or id that names the assets. Its columns: ${table.headers.join(', ')}`,
    table.headers.slice(0, 3).map((header) => `--id ${shellWord(header)}`),
  )
}

/** Returns the place of a header: written exactly so, else without regard to case, spaces, dashes and accents. */
function sameName({ given, headers }: Table, name: string): number | undefined {
  for (const form of [(text: string) => text, looseName]) {
    const found = headers.flatMap((header, index) => (form(header) === form(name) ? [index] : []))
    if (found.length > 1)
      throw wrongColumn(`${given} has ${found.length} columns named ${name}`, [
        'Give each column of the file its own name',
      ])
    if (found.length === 1) return found[0]
  }
  return undefined
}

function headerNamed(table: Table, name: string, flag: string): number {
  const index = sameName(table, name)
  if (index !== undefined) return index
  const near = nearestName(name, table.headers)
  throw wrongColumn(
    `${flag}: ${table.given} has no column ${name}. Its columns: ${table.headers.join(', ')}`,
    near === undefined ? [] : [`${flag} ${shellWord(near)}`],
  )
}

/** Reads `TRUTH=COLUMN`. A header can have an equals sign; the name of a column cannot. */
function mapping(table: Table, answer: readonly AnswerColumn[], text: string): { index: number; column: AnswerColumn } {
  const at = text.lastIndexOf('=')
  const [header, name] = [text.slice(0, at).trim(), text.slice(at + 1).trim()]
  if (at < 1 || header === '' || name === '') {
    throw new ImageryError('INVALID_FLAG', `--column ${text} does not have the form TRUTH_COLUMN=COLUMN`, {
      suggestions: ['--column label=category   (column label of the truth, column category of the answer)'],
    })
  }
  const column = answerNamed(answer, name, '--column', `${header}=`)
  refuseList(column, '--column')
  return { index: headerNamed(table, header, '--column'), column }
}

/**
 * Returns the column of the answer with a name.
 *
 * @param before what comes before the name in the flag's value
 * @throws ImageryError COLUMN_NOT_FOUND
 */
export function answerNamed(answer: readonly AnswerColumn[], name: string, flag: string, before = ''): AnswerColumn {
  const found =
    answer.find((each) => each.name === name) ?? answer.find((each) => looseName(each.name) === looseName(name))
  if (!found) {
    const names = answer.map((each) => each.name)
    const near = nearestName(name, names)
    throw wrongColumn(
      `${flag}: the answer has no column ${name}. Its columns: ${names.join(', ')}`,
      near === undefined ? [] : [`${flag} ${shellWord(`${before}${near}`)}`],
    )
  }
  return found
}

/** Only a reviewer can say whether a list is right. @throws ImageryError INVALID_FLAG */
export function refuseList({ name, kind }: AnswerColumn, flag: string): void {
  if (kind !== 'other') return
  throw new ImageryError('INVALID_FLAG', `${flag}: column ${name} holds lists, which are judged by reviews only`)
}

function nothingToJudge({ given, headers }: Table, answer: readonly AnswerColumn[], id: number): ImageryError {
  const names = answer.filter(({ kind }) => kind !== 'other').map(({ name }) => name)
  const others = headers.filter((_, index) => index !== id)
  const near = others.flatMap((header) => {
    const name = nearestName(header, names)
    return name === undefined ? [] : [`--column ${shellWord(`${header}=${name}`)}`]
  })
  const example =
    others[0] !== undefined && names[0] !== undefined ? [`--column ${shellWord(`${others[0]}=${names[0]}`)}`] : []
  return wrongColumn(
    `No column of ${given} has the name of a column of the answer. Its columns: ${headers.join(', ')}. The answer's: ${names.join(', ')}`,
    near.length > 0 ? near : example,
  )
}

function wrongColumn(message: string, suggestions: readonly string[] = []): ImageryError {
  return new ImageryError('COLUMN_NOT_FOUND', message, { suggestions })
}
