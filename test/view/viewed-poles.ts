import { fileURLToPath } from 'node:url'
import sharp from 'sharp'
import type { TableField } from '../../src/google/bigquery/bigquery.ts'
import { serveRows, type ServedRun } from '../services/view/served-run.ts'

const APP = fileURLToPath(new URL('../../dist/viewer', import.meta.url))

export const FIELDS: TableField[] = [
  { name: 'unit_id', type: 'STRING' },
  { name: 'asset_id', type: 'STRING' },
  { name: 'condition', type: 'STRING' },
  { name: 'leans', type: 'BOOLEAN' },
  { name: 'height', type: 'FLOAT' },
  { name: 'reason', type: 'STRING' },
  { name: 'location', type: 'RECORD', fields: ['latitude', 'longitude'].map((name) => ({ name, type: 'FLOAT' })) },
  { name: 'gcs_uris', type: 'STRING', mode: 'REPEATED' },
  { name: 'status', type: 'STRING' },
  { name: 'cause', type: 'STRING' },
  { name: 'cost_usd', type: 'FLOAT' },
]

export const SCRIPT = '<img src=x onerror="window.isHacked = true"><script>window.isHacked = true</script>'
export const FORMULA = '=HYPERLINK("http://evil.example","x")'

type Pole = [
  unit: string,
  condition: string | null,
  leans: boolean | null,
  height: number | null,
  reason: string | null,
]

/** By hand. Of 8 poles, one failed, 4 are good, 2 fair and 1 poor; 3 lean, one of them a good one. */
const POLES: Pole[] = [
  ['pole-1', 'good', false, 8, 'Straight.'],
  ['pole-2', 'good', true, 9, 'Straight, but it leans.'],
  ['pole-3', 'good', false, 10, SCRIPT],
  ['pole-4', 'good', false, 11, FORMULA],
  ['pole-5', 'fair', true, 12, 'Weathered.'],
  ['pole-6', 'fair', false, 7, 'Weathered.'],
  ['pole-7', 'poor', true, 6, 'Rotten.'],
  ['pole-8', null, null, null, null],
]

/** West to east, one hundredth of a degree apart. The last pole has no location. */
const place = (index: number): object | null =>
  index === POLES.length - 1 ? null : { latitude: 40 + index / 100, longitude: -74 + index / 100 }

const ROWS = POLES.map(([unit, condition, leans, height, reason], index) => ({
  unit_id: unit,
  asset_id: unit,
  condition,
  leans,
  height,
  reason,
  location: place(index),
  gcs_uris: [`gs://bucket/${unit}/a.jpg`, `gs://bucket/${unit}/b.jpg`],
  status: condition === null ? 'failed' : 'ok',
  cause: condition === null ? 'schema' : null,
  cost_usd: 0.001,
}))

/** Serves the poles with the built app, as `imagery view` does. */
export async function servePoles(): Promise<ServedRun> {
  const image = await sharp({ create: { width: 64, height: 48, channels: 3, background: '#88aa99' } })
    .jpeg()
    .toBuffer()
  return serveRows(FIELDS, ROWS, { appFolder: APP, readImage: () => Promise.resolve(image) })
}
