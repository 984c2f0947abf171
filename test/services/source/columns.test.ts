import { describe, expect, test } from 'vitest'
import { sourceColumns, type SourceField } from '../../../src/services/source/columns.ts'

const none = { asset: undefined, image: undefined, unit: 'asset' as const }

/** The columns of Street View Insights' `latest_observations`. */
const STREET_VIEW_INSIGHTS: SourceField[] = [
  { name: 'asset_id', type: 'STRING' },
  { name: 'asset_type', type: 'STRING' },
  { name: 'observation_id', type: 'STRING' },
  { name: 'snapshot_id', type: 'STRING' },
  {
    name: 'location',
    type: 'RECORD',
    fields: [
      { name: 'latitude', type: 'FLOAT' },
      { name: 'longitude', type: 'FLOAT' },
    ],
  },
  { name: 'detection_time', type: 'TIMESTAMP' },
  { name: 'capture_time', type: 'TIMESTAMP' },
  { name: 'gcs_uri', type: 'STRING' },
]

describe('the columns of a source', () => {
  test('of Street View Insights are all used', () => {
    expect(sourceColumns('t', STREET_VIEW_INSIGHTS, none)).toEqual({
      assetColumn: 'asset_id',
      imageColumn: 'gcs_uri',
      hasObservationId: true,
      hasSnapshotId: true,
      location: 'struct',
      detectionTime: 'timestamp',
      captureTime: 'timestamp',
      guesses: [],
    })
  })

  test('of other tables are only the existing ones, with their types', () => {
    const fields: SourceField[] = [
      { name: 'Pole', type: 'INTEGER' },
      { name: 'Photo', type: 'STRING' },
      { name: 'location', type: 'GEOGRAPHY' },
      { name: 'capture_time', type: 'STRING' },
      { name: 'detection_time', type: 'TIMESTAMP', mode: 'REPEATED' },
    ]
    expect(sourceColumns('t', fields, { asset: 'pole', image: 'PHOTO', unit: 'asset' as const })).toEqual({
      assetColumn: 'Pole',
      imageColumn: 'Photo',
      hasObservationId: false,
      hasSnapshotId: false,
      location: 'geography',
      detectionTime: 'absent',
      captureTime: 'text',
      guesses: ['Column detection_time is not used, because its values are no times'],
    })
  })

  test('a location that is not a point is not used', () => {
    const location: SourceField = { name: 'location', type: 'RECORD', fields: [{ name: 'street', type: 'STRING' }] }
    const fields = [...STREET_VIEW_INSIGHTS.filter(({ name }) => name !== 'location'), location]
    expect(sourceColumns('t', fields, none).location).toBe('absent')
  })

  test.each([
    [
      'asset',
      /t has no column asset_id or another common name for the asset ID\. Its columns: gcs_uri, kind/,
      [
        { name: 'gcs_uri', type: 'STRING' },
        { name: 'kind', type: 'STRING' },
      ],
    ],
    [
      'image',
      /t has no column gcs_uri or another common name for the image URI\. Its columns: asset_id, kind/,
      [
        { name: 'asset_id', type: 'STRING' },
        { name: 'kind', type: 'STRING' },
      ],
    ],
  ])('without one for the %s, the error names what is missing and what exists', (role, message, fields) => {
    const suggestions = [expect.stringContaining(`--${role}-column`)]
    expect(() => sourceColumns('t', fields, none)).toThrow(
      expect.objectContaining({ code: 'COLUMN_NOT_FOUND', message: expect.stringMatching(message), suggestions }),
    )
  })

  test.each([
    ['structs', { name: 'gcs_uri', type: 'RECORD', fields: [] }],
    ['arrays', { name: 'gcs_uri', type: 'STRING', mode: 'REPEATED' }],
  ])('with %s are refused as image column', (what, field) => {
    expect(() => sourceColumns('t', [{ name: 'asset_id', type: 'STRING' }, field], none)).toThrow(`holds ${what}`)
  })

  test('a flag is never overridden by a guess', () => {
    expect(() =>
      sourceColumns('t', STREET_VIEW_INSIGHTS, { asset: 'pole_id', image: undefined, unit: 'asset' as const }),
    ).toThrow('t has no column pole_id')
  })
})
