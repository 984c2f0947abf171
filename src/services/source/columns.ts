import { ImageryError } from '../../contracts/errors.ts'
import type { Unit } from '../../contracts/model-options.ts'
import type { LocationKind, SnapshotSource, TimeKind } from '../../run-data/sql/snapshot.ts'

/** The part of BigQuery's schema that is used here. */
export interface SourceField {
  name?: string
  type?: string
  mode?: string
  fields?: SourceField[]
}

/** Common names of the asset ID and image columns, most common first, to try if no flag names them. */
const USUAL_NAMES = {
  asset: ['asset_id'],
  image: ['gcs_uri', 'image_uri', 'image', 'uri', 'image_path', 'path', 'file'],
} as const

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
 * @throws ImageryError COLUMN_NOT_FOUND that names the missing column and the table's columns
 */
export function sourceColumns(table: string, fields: readonly SourceField[], flags: ColumnFlags): SourceColumns {
  const byName = new Map(fields.map((field) => [(field.name ?? '').toLowerCase(), field]))
  const find = (role: keyof typeof USUAL_NAMES): string => {
    const wanted = flags[role] === undefined ? USUAL_NAMES[role] : [flags[role]]
    const field = wanted.map((name) => byName.get(name.toLowerCase())).find((candidate) => candidate !== undefined)
    if (!field?.name) throw columnNotFound(table, role, wanted, fields)
    if (field.mode === 'REPEATED' || field.type === 'RECORD' || field.type === 'STRUCT') {
      throw new ImageryError(
        'COLUMN_NOT_FOUND',
        `Column ${field.name} of ${table} holds ${field.mode === 'REPEATED' ? 'arrays' : 'structs'}; --${role}-column must name a column with one value per row`,
      )
    }
    return field.name
  }
  return {
    // A panorama frame belongs to no asset, so a table of frames can lack this column.
    assetColumn:
      flags.unit === 'observation' && flags.asset === undefined && !byName.has('asset_id') ? null : find('asset'),
    imageColumn: find('image'),
    hasObservationId: byName.has('observation_id'),
    hasSnapshotId: byName.has('snapshot_id'),
    location: locationKind(byName.get('location')),
    detectionTime: timeKind(byName.get('detection_time')),
    captureTime: timeKind(byName.get('capture_time')),
  }
}

function columnNotFound(
  table: string,
  role: keyof typeof USUAL_NAMES,
  wanted: readonly string[],
  fields: readonly SourceField[],
): ImageryError {
  const what = role === 'asset' ? 'the asset ID' : 'the image URI'
  const list = fields.map((field) => field.name).join(', ')
  return new ImageryError(
    'COLUMN_NOT_FOUND',
    `${table} has no column ${wanted.join(' or ')} for ${what}. Its columns: ${list}`,
    {
      suggestions: [`imagery run --table ${table} --${role}-column COLUMN …`],
    },
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
