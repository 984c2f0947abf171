import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import type { Unit } from '../../contracts/model-options.ts'
import { nearestName } from '../../profiles/nearest-name.ts'
import type { SnapshotSource, TimeKind } from '../../run-data/sql/snapshot.ts'
import { LOCATION_FIELD, locationColumns, unplacedColumns, unusableLocation } from './location-columns.ts'
import type { SourceField } from './source-field.ts'
import { unplacedWarning } from './unplaced-advice.ts'
import { checkOneValue, isJsonFile, isList, isOneText, isStruct, nestedField } from './nested-columns.ts'

export type { SourceField } from './source-field.ts'

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
    'file_path filepath file_upload sourcefile images photos'
  ).split(' '),
}

/** Whether a name is one of those, so that it is the name of a column rather than a label of a row. */
export function isUsualName(name: string): boolean {
  const loose = looseName(name)
  return [CLEAR_NAMES, COMMON_NAMES].some(({ asset, image }) => asset.includes(loose) || image.includes(loose))
}

const WHAT: Record<Role, string> = { asset: 'the asset ID', image: 'the image URI' }

export interface ColumnFlags {
  asset: string | undefined
  image: string | undefined
  unit: Unit
  /** Whether the times and locations of a file were converted before, to columns of their own. */
  isConverted?: boolean
}

export type SourceColumns = Pick<
  SnapshotSource,
  | 'assetColumn'
  | 'imageColumn'
  | 'hasBytesAsAsset'
  | 'hasObservationId'
  | 'hasSnapshotId'
  | 'hasOrderedSnapshots'
  | 'location'
  | 'detectionTime'
  | 'captureTime'
  | 'isConverted'
  | 'mayMissTimes'
>

/** Types of numbers and times, whose own order is that of their age. As text, 1.25 would come after 1.5, and -10 after -9. */
const ORDERED = new Set('INTEGER INT64 FLOAT FLOAT64 NUMERIC TIMESTAMP DATE DATETIME'.split(' '))

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
    const field =
      wanted === undefined
        ? usualField(role, fields, guesses)
        : (namedField(wanted, fields, { table, role }) ?? nestedField(wanted, fields, { table, role }))
    if (field === undefined) missing.push({ role, wanted })
    else checkOneValue(field, { table, role })
    return field?.name ?? ''
  }
  const isOfBytes = (column: string): boolean => fields.some(({ name, type }) => name === column && type === 'BYTES')
  const assetColumn = needsAsset ? find('asset') : null
  const imageColumn = find('image')
  if (isOfBytes(imageColumn))
    guesses.push(
      `Column ${imageColumn} holds bytes, which are read as paths or addresses; images inside of a table are not read`,
    )
  const hasBytesAsAsset = assetColumn !== null && isOfBytes(assetColumn)
  if (missing.length > 0) throw columnsNotFound(table, missing, fields)
  const { location, guess } = flags.isConverted ? convertedLocation(byName) : locationColumns(fields)
  if (guess !== undefined) guesses.push(guess)
  const unused = location === 'absent' ? unusableLocation(fields, [assetColumn, imageColumn]) : undefined
  if (unused) {
    const reason = unused.shapes?.fault ?? 'its values are no locations'
    guesses.push(`Column ${shownColumn(unused)} is not used, because ${reason}`)
  } else if (location === 'absent' && !flags.isConverted) {
    const unplaced = unplacedColumns(fields.filter(({ name }) => name !== assetColumn && name !== imageColumn))
    if (unplaced) guesses.push(unplacedWarning(table, unplaced))
  }
  const isUsed = (name: string): boolean => {
    const field = byName.get(name)
    if (field && !isOneText(field))
      guesses.push(`Column ${shownColumn(field)} is not used, because its values are no text`)
    return field !== undefined && isOneText(field)
  }
  const times = timeKinds(fields)
  for (const [name, kind] of [
    ['detection_time', times.detectionTime],
    ['capture_time', times.captureTime],
  ] as const) {
    const field = byName.get(name)
    if (field && kind === 'absent' && ![assetColumn, imageColumn].includes(field.name ?? ''))
      guesses.push(`Column ${shownColumn(field)} is not used, because its values are no times`)
  }
  return {
    assetColumn,
    imageColumn,
    ...(hasBytesAsAsset ? { hasBytesAsAsset } : {}),
    hasObservationId: isUsed('observation_id'),
    hasSnapshotId: isUsed('snapshot_id'),
    ...(ORDERED.has(byName.get('snapshot_id')?.type ?? '') ? { hasOrderedSnapshots: true } : {}),
    location,
    ...times,
    guesses,
  }
}

/** Returns how the snapshot converts the times of a table. */
export function timeKinds(fields: readonly SourceField[]): Pick<SourceColumns, 'detectionTime' | 'captureTime'> {
  const kind = (wanted: string): TimeKind => timeKind(fields.find(({ name }) => name?.toLowerCase() === wanted))
  return { detectionTime: kind('detection_time'), captureTime: kind('capture_time') }
}

/** A file's own `location` without coordinates, such as a city and a street, is a column like others. */
function convertedLocation(byName: ReadonlyMap<string, SourceField>): ReturnType<typeof locationColumns> {
  const field = byName.get('location')
  const members = new Set(field && isStruct(field) && !isList(field) ? field.fields?.map(({ name }) => name) : [])
  const isPoint = LOCATION_FIELD.fields!.every(({ name }) => members.has(name))
  return { location: isPoint ? 'struct' : 'absent', guess: undefined }
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

/** Returns a name without regard to case, spaces, dashes and accents. */
export function looseName(text: string): string {
  // Characters without a form, such as a zero-width space, come along when a header is copied.
  const plain = text.normalize('NFD').replaceAll(/\p{Mn}|\p{Cf}/gu, '')
  return plain
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, '_')
}

function usualField(role: Role, fields: readonly SourceField[], guesses: string[]): SourceField | undefined {
  const candidates = [...CLEAR_NAMES[role], ...COMMON_NAMES[role]].flatMap((name) =>
    fields.filter((field) => looseName(field.header ?? field.name ?? '') === name),
  )
  // A column of texts is rather meant than one of arrays or structs.
  const [field, ...others] = candidates.toSorted((one, other) => Number(isNested(one)) - Number(isNested(other)))
  if (!field) return undefined
  const name = looseName(field.header ?? field.name ?? '')
  const isClear = CLEAR_NAMES[role].includes(name)
  // A clear name leaves no doubt, unless two columns have it.
  const twins = others.filter((other) => !isClear || looseName(other.header ?? other.name ?? '') === name)
  if (!isClear || twins.length > 0) {
    const also = twins.length > 0 ? `; ${twins.map(shownColumn).join(', ')} could be it too` : ''
    guesses.push(`Column ${shownColumn(field)} is used as ${WHAT[role]}${also} (--${role}-column names another)`)
  }
  return field
}

/** Returns the path of a field with a common name inside a struct: `properties.id`. */
function commonPath(role: Role, fields: readonly SourceField[]): string | undefined {
  const paths = fields
    .filter((field) => isStruct(field) && !isList(field))
    .flatMap(({ name, fields: members = [] }) =>
      members
        .filter((member) => !isNested(member))
        .map((member) => ({ name: member.name ?? '', path: `${name}.${member.name}` })),
    )
  return [...CLEAR_NAMES[role], ...COMMON_NAMES[role]]
    .map((name) => paths.find((each) => looseName(each.name) === name)?.path)
    .find((path) => path !== undefined)
}

/** A column with the fields of a struct, which a flag can name too. */
function shownWithFields(field: SourceField): string {
  if (!isStruct(field) || isList(field)) return shownColumn(field)
  return `${shownColumn(field)} (${(field.fields ?? []).map(({ name }) => `${field.name}.${name}`).join(', ')})`
}

const isNested = (field: SourceField): boolean => isList(field) || isStruct(field) || field.type === 'JSON'

interface Missing {
  role: Role
  wanted: string | undefined
}

function columnsNotFound(table: string, missing: readonly Missing[], fields: readonly SourceField[]): ImageryError {
  const labels = fields.flatMap((field) => [
    field.header ?? field.name ?? '',
    ...(isStruct(field) && !isList(field) ? (field.fields ?? []).map(({ name }) => `${field.name}.${name}`) : []),
  ])
  const parts = missing.map(({ role, wanted }) => {
    if (wanted === undefined) return `column ${CLEAR_NAMES[role][0]} or another common name for ${WHAT[role]}`
    const near = nearestName(wanted, labels)
    return `column ${wanted} for ${WHAT[role]}${near === undefined ? '' : ` (did you mean ${near}?)`}`
  })
  const flags = missing.map(({ role, wanted }) => {
    const near = wanted === undefined ? commonPath(role, fields) : nearestName(wanted, labels)
    return `--${role}-column ${near === undefined ? 'COLUMN' : shellWord(near)}`
  })
  return new ImageryError(
    'COLUMN_NOT_FOUND',
    `${table} has no ${parts.join(', and no ')}. Its columns: ${fields.map(shownWithFields).join(', ')}`,
    {
      suggestions: [
        ...headerAdvice(table, fields),
        ...listAdvice(table, fields),
        `imagery run --table ${shellWord(table)} ${flags.join(' ')} …${ofImages(missing)}`,
      ],
    },
  )
}

/** A list of photos has no assets, and needs none. */
function ofImages(missing: readonly Missing[]): string {
  return missing.every(({ role, wanted }) => role === 'asset' && wanted === undefined)
    ? '   (or --unit observation, for one row per image)'
    : ''
}

const IMAGE_NAME = /\.(?:jpe?g|png|webp|heic|heif|gif|tiff?|avif)$/i

/** A file without a header has a row in its place. */
function headerAdvice(table: string, fields: readonly SourceField[]): string[] {
  const labels = fields.map(({ header, name = '' }) => header ?? name)
  const image = labels.findIndex((label) => IMAGE_NAME.test(label.trim()))
  if (image < 0 || !/\.(?:csv|tsv)$/i.test(table)) return []
  const names = labels.map((_, index) => (index === image ? 'image' : `column_${index + 1}`))
  const asset = names.indexOf('column_1') === 0 ? 0 : names.indexOf('column_2')
  if (asset >= 0) names[asset] = 'asset_id'
  const separator = /\.tsv$/i.test(table) ? String.raw`\t` : ','
  const unit = names.length === 1 ? ', and --unit observation' : ''
  return [
    `{ printf '${names.join(separator)}\\n'; cat ${shellWord(table)}; } > rows${table.slice(-4).toLowerCase()}   (if its first line is a row; then with the names of its columns${unit})`,
  ]
}

/** An export is often one object with a list of the rows. */
function listAdvice(table: string, fields: readonly SourceField[]): string[] {
  const list = fields.find((field) => isList(field) && isStruct(field))
  if (!list || !isJsonFile(table)) return []
  const filter = `.[${JSON.stringify(list.header ?? list.name)}][]`
  return [`jq -c ${shellWord(filter)} ${shellWord(table)} > rows.jsonl   (if the rows are in that list)`]
}

/** How each type of column is read as a time. Other types have none. */
const TIME_KINDS: Readonly<Record<string, TimeKind>> = {
  TIMESTAMP: 'timestamp',
  DATE: 'other',
  DATETIME: 'other',
  STRING: 'text',
  INTEGER: 'number',
  INT64: 'number',
  NUMERIC: 'number',
  BIGNUMERIC: 'number',
  FLOAT: 'float',
  FLOAT64: 'float',
  JSON: 'json',
}

function timeKind(field: SourceField | undefined): TimeKind {
  if (!field || field.mode === 'REPEATED') return 'absent'
  return TIME_KINDS[field.type ?? ''] ?? 'absent'
}
