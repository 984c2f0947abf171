import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { answerColumns } from '../../contracts/answer-schema.ts'
import { columnType, type Column } from '../../contracts/columns.ts'
import { ImageryError } from '../../contracts/errors.ts'
import type { Profile } from '../../contracts/run-spec.ts'
import { RESERVED_COLUMNS } from '../../contracts/tables.ts'
import { nearestName } from '../../profiles/nearest-name.ts'
import { looseName, shownColumn, type SourceField } from './columns.ts'

/** What the columns are kept of, and beside what. */
interface Kept {
  /** As the user named it. */
  table: string
  fields: readonly SourceField[]
  profile: Profile
  isFile: boolean
}

/** The live view names each column, and BigQuery limits its query (https://cloud.google.com/bigquery/quotas#view_limits). */
const MOST_COLUMNS = 500

/**
 * Returns the columns of `--keep` as the results have them.
 *
 * @param given names separated by commas
 * @throws ImageryError COLUMN_NOT_FOUND, INVALID_FLAG for a name that the results have already, or a type that they cannot have
 */
export function columnsToKeep(given: string | undefined, kept: Kept): Column[] {
  const names = listed(given)
  if (given !== undefined && names.length === 0) throw refused('--keep names no column')
  if (names.length > MOST_COLUMNS)
    throw refused(`--keep names ${names.length} columns; at most ${MOST_COLUMNS} can be kept`)
  const fields = names.map((name) => fieldNamed(name, kept))
  const twice = fields.find((field, index) => fields.indexOf(field) !== index)
  if (twice) throw refused(`--keep names ${shownColumn(twice)} twice`)
  return fields.map((field) => {
    refuseTaken(field, kept)
    return { ...columnOf(field, kept), description: descriptionOf(field, kept) }
  })
}

/** Whether `--keep` asks for the columns that a run keeps. */
export function keepsSameColumns(given: string | undefined, kept: readonly Column[] = []): boolean {
  const plain = (name: string): string => looseName(name).replaceAll(/[^\p{L}\p{N}]+/gu, '_')
  return JSON.stringify(listed(given).map(plain)) === JSON.stringify(kept.map(({ name }) => plain(name)))
}

function listed(text = ''): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
}

/** Finds a column by the header as it is written, else by its name, else without regard to case, spaces and accents. */
function fieldNamed(name: string, { table, fields }: Kept): SourceField {
  for (const form of [(text: string) => text, looseName]) {
    for (const label of [(field: SourceField) => field.header ?? field.name, (field: SourceField) => field.name]) {
      const found = fields.filter((field) => form(label(field) ?? '') === form(name))
      if (found.length === 1) return found[0]!
      if (found.length > 1) {
        throw new ImageryError(
          'COLUMN_NOT_FOUND',
          `--keep: ${table} has ${found.length} columns named ${name}: ${found.map(shownColumn).join(', ')}`,
          { suggestions: [`--keep ${found.at(-1)!.name}`] },
        )
      }
    }
  }
  const labels = fields.map(({ header, name: own = '' }) => header ?? own)
  const [first = ''] = name.split('.')
  const near = labels.includes(first) ? first : nearestName(name, labels)
  throw new ImageryError(
    'COLUMN_NOT_FOUND',
    `--keep: ${table} has no column ${name}. Its columns: ${fields.map(shownColumn).join(', ')}`,
    {
      suggestions:
        near === undefined ? [] : [`--keep ${shellWord(near)}${first === near ? '   (the whole struct)' : ''}`],
    },
  )
}

const RESERVED = new Set([...RESERVED_COLUMNS].map((name) => name.toLowerCase()))

/** What the results have of a row anyway. */
const HAD = new Set(['asset_id', 'location', 'detection_time'])

/** BigQuery does not tell names of columns apart by case. */
function refuseTaken({ name = '' }: SourceField, { profile, isFile }: Kept): void {
  const inSource = isFile ? 'in the file' : 'in a view of the table'
  const lower = name.toLowerCase()
  const answer = answerColumns(profile.output).find((column) => column.name.toLowerCase() === lower)
  if (answer) {
    throw refused(`--keep ${name}: the answer of profile ${profile.name} has a column ${answer.name}`, [
      `Rename the column in the profile, or ${inSource}`,
    ])
  }
  if (HAD.has(lower)) throw refused(`--keep ${name}: the results have this column anyway`)
  if (RESERVED.has(lower)) {
    throw refused(`--keep ${name}: the results have a column of imagery with this name`, [
      `Rename the column ${inSource}`,
    ])
  }
}

function columnOf(field: SourceField, kept: Kept): Column {
  const type = columnType(field.type)
  if (type === undefined) {
    throw refused(
      `--keep: column ${shownColumn(field)} of ${kept.table} has the type ${field.type}, which results cannot have`,
      ['Cast the column to STRING in a view of the table'],
    )
  }
  return {
    name: field.name ?? '',
    type,
    ...(field.mode === 'REPEATED' ? { mode: 'REPEATED' as const } : {}),
    ...(type === 'STRUCT' ? { columns: (field.fields ?? []).map((member) => columnOf(member, kept)) } : {}),
  }
}

/** The table's own description, or where the column comes from. */
function descriptionOf(field: SourceField & { description?: string }, { table, isFile }: Kept): string {
  if (field.description !== undefined && field.description !== '') return field.description
  const name = field.header ?? field.name ?? ''
  const text = `Column ${name} of the ${isFile ? 'file' : 'table'} ${table}, from the row of the newest image.`
  return text.slice(0, MOST_LETTERS)
}

/** https://cloud.google.com/bigquery/quotas#all_tables, "Maximum column description length" */
const MOST_LETTERS = 1_024

function refused(message: string, suggestions: string[] = []): ImageryError {
  return new ImageryError('INVALID_FLAG', message, { suggestions })
}
