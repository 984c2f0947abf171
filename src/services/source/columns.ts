import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import type { Unit } from '../../contracts/model-options.ts'
import { nearestName } from '../../profiles/nearest-name.ts'
import type { LocationKind, SnapshotSource, TimeKind } from '../../run-data/sql/snapshot.ts'

/** The part of BigQuery's schema that is used here. */
export interface SourceField {
  name?: string
  type?: string
  mode?: string
  fields?: SourceField[]
  /** What a file's header says, if it is not a name that BigQuery takes. */
  header?: string
}

type Role = 'asset' | 'image'

/** Names that can mean nothing else, most common first. The first are those of Street View Insights. */
const CLEAR_NAMES: Record<Role, readonly [string, ...string[]]> = {
  asset: ['asset_id'],
  image: ['gcs_uri', 'image_uri', 'image', 'uri', 'image_path', 'path', 'file'],
}

/** Other common names for the same, to try if no flag names a column. Their use is reported. */
const COMMON_NAMES: Record<Role, readonly string[]> = {
  asset: ['assetid', 'asset', 'id', 'object_id', 'objectid', 'feature_id', 'globalid', 'uuid', 'fid'],
  image: (
    'photo picture file_name filename image_url url img image_file image_name photo_url photo_path photo_file ' +
    'file_path filepath file_upload images photos'
  ).split(' '),
}

const WHAT: Record<Role, string> = { asset: 'the asset ID', image: 'the image URI' }

export interface ColumnFlags {
  asset: string | undefined
  image: string | undefined
  unit: Unit
}

export type SourceColumns = Pick<
  SnapshotSource,
  'assetColumn' | 'imageColumn' | 'hasObservationId' | 'hasSnapshotId' | 'location' | 'detectionTime' | 'captureTime'
>

/**
 * Finds the columns that imagery uses. Only the asset ID and the image URI are required; the
 * other Street View Insights columns are used if the table has them.
 *
 * @returns the columns, and a sentence for each that was guessed by a common name
 * @throws ImageryError COLUMN_NOT_FOUND that names all missing columns and the table's columns
 */
export function sourceColumns(
  table: string,
  fields: readonly SourceField[],
  flags: ColumnFlags,
): SourceColumns & { guesses: string[] } {
  const byName = new Map(fields.map((field) => [(field.name ?? '').toLowerCase(), field]))
  // A panorama frame belongs to no asset, so a table of frames can lack this column.
  const needsAsset = flags.unit === 'asset' || flags.asset !== undefined || byName.has('asset_id')
  const guesses: string[] = []
  const missing: Missing[] = []
  const find = (role: Role): string => {
    const wanted = flags[role]
    const field = wanted === undefined ? usualField(role, fields, guesses) : namedField(wanted, fields, { table, role })
    if (field === undefined) missing.push({ role, wanted })
    else checkOneValue(table, field, role)
    return field?.name ?? ''
  }
  const assetColumn = needsAsset ? find('asset') : null
  const imageColumn = find('image')
  if (missing.length > 0) throw columnsNotFound(table, missing, fields)
  return {
    assetColumn,
    imageColumn,
    hasObservationId: byName.has('observation_id'),
    hasSnapshotId: byName.has('snapshot_id'),
    location: locationKind(byName.get('location')),
    ...timeKinds(fields),
    guesses,
  }
}

/** Returns how the snapshot converts the times of a table. */
export function timeKinds(fields: readonly SourceField[]): Pick<SourceColumns, 'detectionTime' | 'captureTime'> {
  const kind = (wanted: string): TimeKind => timeKind(fields.find(({ name }) => name?.toLowerCase() === wanted))
  return { detectionTime: kind('detection_time'), captureTime: kind('capture_time') }
}

/** Returns a column as messages name it: the header of the file, and BigQuery's name if that is another one. */
export function shownColumn({ name = '', header }: SourceField): string {
  return header === undefined ? name : `${JSON.stringify(header)} (${name})`
}

/** Finds a column by the header as it is written, else by its name, else without regard to case, spaces and accents. */
function namedField(
  wanted: string,
  fields: readonly SourceField[],
  { table, role }: { table: string; role: Role },
): SourceField | undefined {
  const ways: ((text: string) => string)[] = [(text) => text, looseName]
  for (const way of ways) {
    for (const label of [(field: SourceField) => field.header ?? field.name, (field: SourceField) => field.name]) {
      const found = fields.filter((field) => way(label(field) ?? '') === way(wanted))
      if (found.length === 1) return found[0]
      if (found.length > 1) {
        throw new ImageryError(
          'COLUMN_NOT_FOUND',
          `${table} has ${found.length} columns named ${wanted}: ${found.map(shownColumn).join(', ')}`,
          { suggestions: [`--${role}-column ${found.at(-1)!.name}`, 'Give each column of the file its own name'] },
        )
      }
    }
  }
  return undefined
}

function looseName(text: string): string {
  const plain = text.normalize('NFD').replaceAll(/\p{Mn}/gu, '')
  return plain
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, '_')
}

function usualField(role: Role, fields: readonly SourceField[], guesses: string[]): SourceField | undefined {
  const candidates = [...CLEAR_NAMES[role], ...COMMON_NAMES[role]].flatMap((name) =>
    fields.filter((field) => looseName(field.header ?? field.name ?? '') === name),
  )
  const [field, ...others] = candidates
  if (field && !CLEAR_NAMES[role].includes(looseName(field.header ?? field.name ?? ''))) {
    const also = others.length > 0 ? `; ${others.map(shownColumn).join(', ')} could be it too` : ''
    guesses.push(`Column ${shownColumn(field)} is used as ${WHAT[role]}${also} (--${role}-column names another)`)
  }
  return field
}

function checkOneValue(table: string, field: SourceField, role: Role): void {
  const isList = field.mode === 'REPEATED'
  if (!isList && field.type !== 'RECORD' && field.type !== 'STRUCT') return
  const name = field.header ?? field.name ?? ''
  const member = field.fields?.find(({ type }) => type === 'STRING')?.name ?? 'MEMBER'
  const inRows = `.${/^\w+$/.test(name) ? name : `[${JSON.stringify(name)}]`}`
  const filter = isList ? `. as $row | ${inRows}[] | $row + {${role}: .}` : `. + {${role}: ${inRows}.${member}}`
  const query = isList
    ? `CREATE VIEW my_dataset.rows AS SELECT * EXCEPT (\`${field.name}\`), ${role} FROM \`${table}\`, UNNEST(\`${field.name}\`) AS ${role}`
    : `CREATE VIEW my_dataset.rows AS SELECT *, \`${field.name}\`.${member} AS ${role} FROM \`${table}\``
  throw new ImageryError(
    'COLUMN_NOT_FOUND',
    `Column ${shownColumn(field)} of ${table} holds ${isList ? 'arrays' : 'structs'}; --${role}-column must name a column with one value per row`,
    {
      suggestions: [
        /\.(jsonl|ndjson|json)$/i.test(table)
          ? `jq -c '${filter}' ${shellWord(table)} > rows.jsonl   (then --table rows.jsonl --${role}-column ${role})`
          : `bq query --use_legacy_sql=false ${shellWord(query)}`,
      ],
    },
  )
}

interface Missing {
  role: Role
  wanted: string | undefined
}

function columnsNotFound(table: string, missing: readonly Missing[], fields: readonly SourceField[]): ImageryError {
  const labels = fields.map(({ header, name = '' }) => header ?? name)
  const parts = missing.map(({ role, wanted }) => {
    if (wanted === undefined) return `column ${CLEAR_NAMES[role][0]} or another common name for ${WHAT[role]}`
    const near = nearestName(wanted, labels)
    return `column ${wanted} for ${WHAT[role]}${near === undefined ? '' : ` (did you mean ${near}?)`}`
  })
  const flags = missing.map(({ role, wanted }) => {
    const near = wanted === undefined ? undefined : nearestName(wanted, labels)
    return `--${role}-column ${near === undefined ? 'COLUMN' : shellWord(near)}`
  })
  return new ImageryError(
    'COLUMN_NOT_FOUND',
    `${table} has no ${parts.join(', and no ')}. Its columns: ${fields.map(shownColumn).join(', ')}`,
    { suggestions: [`imagery run --table ${shellWord(table)} ${flags.join(' ')} …`] },
  )
}

function locationKind(field: SourceField | undefined): LocationKind {
  if (field?.mode === 'REPEATED') return 'absent'
  if (field?.type === 'GEOGRAPHY') return 'geography'
  const members = new Set(field?.fields?.map((member) => member.name?.toLowerCase()))
  return members.has('latitude') && members.has('longitude') ? 'struct' : 'absent'
}

function timeKind(field: SourceField | undefined): TimeKind {
  if (!field || field.mode === 'REPEATED' || field.type === 'RECORD' || field.type === 'STRUCT') return 'absent'
  return field.type === 'TIMESTAMP' ? 'timestamp' : 'other'
}
