import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import type { SourceField } from './source-field.ts'

/** The table and the flag that an error is about. */
interface Wanted {
  table: string
  role: 'asset' | 'image'
}

/** Names of fields that more likely hold an image than others. */
const IMAGE_NAMES = [
  'gcs_uri',
  'uri',
  'url',
  'image_uri',
  'image_url',
  'image',
  'path',
  'file_name',
  'file',
  'src',
  'href',
]

export const isJsonFile = (table: string): boolean => /\.(jsonl|ndjson|json|geojsonl?)$/i.test(table)
export const isList = ({ mode }: SourceField): boolean => mode === 'REPEATED'
export const isStruct = ({ type }: SourceField): boolean => type === 'RECORD' || type === 'STRUCT'

/**
 * Finds a field of a struct, such as `properties.id`.
 *
 * @throws ImageryError COLUMN_NOT_FOUND, with the command that fixes it, for a field of an array or of a JSON value
 */
export function nestedField(path: string, fields: readonly SourceField[], wanted: Wanted): SourceField | undefined {
  const [first = '', ...rest] = path.split('.')
  if (rest.length === 0) return undefined
  let found = byName(first, fields)
  let name = found?.name ?? ''
  for (const [index, part] of rest.entries()) {
    if (!found) return undefined
    const isClosed = found.type === 'JSON' || (isList(found) && isStruct(found))
    if (isClosed) throw notOneValue({ ...found, name }, wanted, rest.slice(index))
    found = byName(part, found.fields ?? [])
    name += `.${found?.name}`
  }
  return found && { ...found, name }
}

function byName(name: string, fields: readonly SourceField[]): SourceField | undefined {
  return (
    fields.find((field) => field.name === name || field.header === name) ??
    fields.find((field) => field.name?.toLowerCase() === name.toLowerCase())
  )
}

/** Values that are no text, and what makes text of them. */
const NO_TEXT: Readonly<Record<string, { what: string; text: (value: string) => string }>> = {
  JSON: { what: 'JSON values', text: (value) => value },
  GEOGRAPHY: { what: 'geographies', text: (value) => `ST_ASTEXT(${value})` },
}

/** Whether each value of a column is one text, or can be written as one. */
export function isOneText(field: SourceField): boolean {
  return !isList(field) && !isStruct(field) && NO_TEXT[field.type ?? ''] === undefined
}

/** @throws ImageryError COLUMN_NOT_FOUND, with the command that fixes it, for a column that has no text of its own */
export function checkOneValue(field: SourceField, wanted: Wanted): void {
  if (!isOneText(field)) throw notOneValue(field, wanted, undefined)
}

/** @param members the path below the column, if the user named one */
function notOneValue(
  field: SourceField,
  { table, role }: Wanted,
  members: readonly string[] | undefined,
): ImageryError {
  const name = field.name ?? ''
  const shown = field.header === undefined ? name : `${JSON.stringify(field.header)} (${name})`
  const likely = isStruct(field) ? likelyMember(field) : undefined
  // jq reads the file, where a member has its own name: `$oid`, and not `_oid`.
  const inFile = isJsonFile(table) ? likely?.header : undefined
  const path = members ?? (likely ? [inFile ?? likely.name ?? 'FIELD'] : [])
  const what = isList(field) ? 'arrays' : (NO_TEXT[field.type ?? '']?.what ?? 'structs')
  const direct = members === undefined && likely && !isList(field)
  return new ImageryError(
    'COLUMN_NOT_FOUND',
    `Column ${shown} of ${table} holds ${what}; --${role}-column must name a column with one text per row`,
    {
      suggestions: [
        ...commands({ field, path, table, role }),
        ...(direct
          ? [`imagery run --table ${shellWord(table)} --${role}-column ${shellWord(`${name}.${likely.name}`)} …`]
          : []),
      ],
    },
  )
}

function likelyMember({ fields = [] }: SourceField): SourceField {
  const texts = fields.filter((member) => member.type === 'STRING' && !isList(member))
  const named = IMAGE_NAMES.map((name) => texts.find((member) => member.name?.toLowerCase() === name))
  return named.find((member) => member !== undefined) ?? texts[0] ?? fields[0] ?? { name: 'FIELD' }
}

function commands({
  field,
  path,
  table,
  role,
}: {
  field: SourceField
  path: readonly string[]
  table: string
  role: string
}): string[] {
  const name = field.name ?? ''
  const then = (made: string): string => `imagery run --table ${shellWord(made)} --${role}-column ${role} …`
  if (isJsonFile(table)) {
    const inRow = jsonPath(field.header === undefined ? name.split('.') : [field.header])
    const below = path.length === 0 ? '.' : jsonPath(path)
    const filter = isList(field)
      ? `. as $row | ${inRow}[] | $row + {${role}: ${below}}`
      : `. + {${role}: ${inRow}${path.length === 0 ? '' : below.replace(/^\.\[/, '[')}}`
    return [`jq -c '${filter.replaceAll("'", "'\\''")}' ${shellWord(table)} > rows.jsonl`, then('rows.jsonl')]
  }
  const fieldPath = path.map((part) => `.${quoted(part)}`).join('')
  if (/\.(?:geo)?parquet$/i.test(table)) {
    const column = name
      .split('.')
      .map((part) => `"${part}"`)
      .join('.')
    const inDuck = `${isList(field) ? 'item' : column}${path.map((part) => `."${part}"`).join('')} AS ${role}`
    const from = `'${table}'${isList(field) ? `, UNNEST(${column}) AS list(item)` : ''}`
    const all = `*${isList(field) ? ' EXCLUDE (item)' : ''}`
    const query = `COPY (SELECT ${added(all, inDuck, name === role)} FROM ${from}) TO 'rows.parquet'`
    return [`duckdb -c ${shellWord(query)}`, then('rows.parquet')]
  }
  const view = `${table}_rows`
  const column = name.split('.').map(quoted).join('.')
  const value =
    field.type === 'JSON'
      ? `JSON_VALUE(${isList(field) ? 'item' : column}, '$${path.map((part) => `.${part}`).join('')}')`
      : (NO_TEXT[field.type ?? '']?.text ?? String)(`${isList(field) ? 'item' : column}${fieldPath}`)
  const query = isList(field)
    ? `CREATE VIEW \`${view}\` AS SELECT ${added('row.*', `${value} AS ${role}`, name === role)} FROM \`${table}\` AS row, UNNEST(row.${column}) AS item`
    : `CREATE VIEW \`${view}\` AS SELECT ${added('*', `${value} AS ${role}`, name === role)} FROM \`${table}\``
  return [`bq query --use_legacy_sql=false ${shellWord(query)}`, then(view)]
}

/** All columns and a new one, which takes the place of the column that has its name. */
function added(all: string, column: string, replaces: boolean): string {
  return replaces ? `${all} REPLACE (${column})` : `${all}, ${column}`
}

const quoted = (name: string): string => `\`${name}\``

/** A path in jq's notation. Before version 1.7, jq takes a dot before a bracket only at the beginning. */
export function jsonPath(parts: readonly string[]): string {
  const path = parts.map((part) => (/^[A-Za-z_]\w*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`)).join('')
  return path.startsWith('[') ? `.${path}` : path
}
