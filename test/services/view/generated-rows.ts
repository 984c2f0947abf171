import type { TableField } from '../../../src/google/bigquery/bigquery.ts'
import type { Profile } from '../../../src/contracts/run-spec.ts'

type Row = Record<string, unknown>

/** A profile with a column of each kind. */
export const PROFILE: Profile = {
  name: 'poles',
  description: 'Poles.',
  prompt: 'What is it?',
  output: {
    type: 'object',
    properties: {
      condition: { type: 'string', enum: ['good', 'fair', 'poor', 'gone'], description: 'How it looks.' },
      leans: { type: 'boolean' },
      count: { type: 'integer' },
      height: { type: 'number' },
      material: { type: 'string' },
      reason: { type: 'string' },
      parts: { type: 'array', items: { type: 'string' } },
    },
  },
}

export const FIELDS: TableField[] = [
  { name: 'asset_id', type: 'STRING' },
  {
    name: 'location',
    type: 'RECORD',
    fields: [
      { name: 'latitude', type: 'FLOAT' },
      { name: 'longitude', type: 'FLOAT' },
    ],
  },
  { name: 'detection_time', type: 'TIMESTAMP' },
  { name: 'gcs_uris', type: 'STRING', mode: 'REPEATED' },
  { name: 'condition', type: 'STRING' },
  { name: 'leans', type: 'BOOLEAN' },
  { name: 'count', type: 'INTEGER' },
  { name: 'height', type: 'FLOAT' },
  { name: 'material', type: 'STRING' },
  { name: 'reason', type: 'STRING' },
  { name: 'parts', type: 'STRING', mode: 'REPEATED' },
  { name: 'district', type: 'STRING' },
  { name: 'budget', type: 'NUMERIC' },
  { name: 'status', type: 'STRING' },
  { name: 'cause', type: 'STRING' },
  { name: 'cost_usd', type: 'FLOAT' },
  { name: 'latency_ms', type: 'INTEGER' },
  { name: 'unit_id', type: 'STRING' },
]

/** Returns a generator of numbers from 0 to 1 by a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const CONDITIONS = ['good', 'fair', 'poor', 'broken']

/** Returns rows as `rowConverter` makes them, in no order. */
export function generatedRow(index: number, random: () => number): Row {
  const isFailed = random() < 0.05
  const unit = `pole-${String((index * 7919) % 1_000_003).padStart(7, '0')}`
  const hasPlace = random() < 0.95
  return {
    asset_id: unit,
    location: hasPlace ? { latitude: 40 + random(), longitude: -74 + random() } : null,
    detection_time: `2026-0${1 + Math.floor(random() * 9)}-1${Math.floor(random() * 10)}T10:00:00.${random() < 0.5 ? '250' : '250125'}Z`,
    gcs_uris: Array.from({ length: Math.floor(random() * 4) }, (_, image) => `gs://bucket/${unit}/${image}.jpg`),
    condition: isFailed ? null : CONDITIONS[Math.floor(random() ** 2 * 4)],
    leans: isFailed ? null : random() < 0.3,
    count: isFailed ? null : random() < 0.001 ? '9007199254740995' : Math.floor(random() * 40),
    height: isFailed ? null : random() < 0.001 ? 'NaN' : random() * 12,
    material: isFailed ? null : `material ${Math.floor(random() ** 3 * 60)}`,
    reason: isFailed ? null : `Because of "${index}" and <b>${Math.floor(random() * 1e9)}</b>`,
    parts: isFailed ? [] : ['arm', 'lamp'].slice(0, Math.floor(random() * 3)),
    district: random() < 0.1 ? null : `district ${Math.floor(random() * 9)}`,
    budget: random() < 0.5 ? null : String(Math.floor(random() * 10_000) / 100),
    status: isFailed ? (random() < 0.2 ? 'throttled' : 'failed') : 'ok',
    cause: isFailed ? 'schema' : null,
    cost_usd: Math.floor(random() * 900) / 1e6,
    latency_ms: Math.floor(random() * 60_000),
    unit_id: unit,
  }
}

/** Yields pages of rows, always the same for a seed. */
export async function* generatedPages(rows: number, seed = 7): AsyncGenerator<Row[]> {
  const random = randomNumbers(seed)
  for (let made = 0; made < rows;) {
    const page: Row[] = []
    for (; page.length < 5_000 && made < rows; made += 1) page.push(generatedRow(made, random))
    yield page
  }
}
