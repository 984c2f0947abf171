import { bytesText } from '../../contracts/bytes-text.ts'
import {
  GOOGLE_PRICES,
  LEAST_MESSAGE_BYTES,
  LEAST_ROW_BYTES,
  LEAST_SCANNED_BYTES,
  TASK_CHUNK_BYTES,
  type ListPrice,
} from '../../contracts/google-prices.ts'
import type { DurationEstimate } from './duration-estimate.ts'
import { countText } from '../../contracts/count-text.ts'

const TIB = 2 ** 40
const GIB = 2 ** 30

/** One part of the cost of Google's services besides the model. */
export interface CostPart {
  service: 'bigquery' | 'cloud_run' | 'cloud_tasks' | 'pubsub'
  what: string
  usd: number
  /** The amount that is billed, in words. */
  amount: string
  price_usd: number
  price_per: string
  source: string
}

/** Bytes of a row besides the addresses of its images and its answer: IDs, times, hashes and counts. */
const ROW_BYTES = 450

/** Bytes of an observation in a snapshot, a task or a row: its ID, its address and a time. */
const OBSERVATION_BYTES = 150

const CHARACTERS_PER_TOKEN = 3.5

/** Bytes of the columns that a poll of the progress reads, per unit (docs/scale.md). */
const POLLED_BYTES = 160

/** A run polls at most this often, and spends at most 4 % of its time on polls (`src/services/runs/watch.ts`). */
const POLL_SECONDS = 5

/** vCPUs and GiB of an instance (`src/services/deploy/services.ts`). */
const MAIN = { cpus: 2, gib: 2 }
const POPULATE = { cpus: 1, gib: 0.5 }

/** The units that populate turns into tasks per second: about 1,600 calls, or batches. */
export const POPULATED_PER_SECOND = 1_000

const UNITS_PER_SHARD = 2_000

/** The measurements of a unit have about as many characters as this many tokens. */
export const PIXELS_ANSWER_TOKENS = 100

/** What the cost is estimated from. */
export interface PlatformSize {
  units: number
  images: number
  snapshotBytes: number
  /** Tokens of the answers over all units, without thoughts. */
  answerTokens: number
  duration: Pick<DurationEstimate, 'seconds' | 'instances'>
}

/**
 * Estimates what Google's services besides the model bill for a run, at list prices without free tiers: most runs of less
 * than a million units are within those.
 */
export function estimatePlatform(size: PlatformSize): CostPart[] {
  const { units, images, snapshotBytes, answerTokens, duration } = size
  const shards = Math.max(1, Math.ceil(units / UNITS_PER_SHARD))
  const observations = images * OBSERVATION_BYTES
  const rows = units * ROW_BYTES + observations + answerTokens * CHARACTERS_PER_TOKEN
  const snapshot = units * ROW_BYTES * 0.2 + observations
  const polls = Math.ceil(duration.seconds / Math.max(POLL_SECONDS, duration.seconds / 800))
  const scans = [
    scanned(snapshotBytes, 1),
    // The shards, the two counts of images, the polls, and the results with their progress.
    scanned(snapshot / shards, 1) * shards,
    scanned(snapshot, 2),
    scanned(units * POLLED_BYTES, 2) * polls,
    scanned(rows + snapshot, 2) * 2,
  ]
  const runSeconds = duration.seconds * duration.instances
  const populateSeconds = Math.max(units / POPULATED_PER_SECOND, shards)
  const taskChunks = Math.max(1, Math.ceil((ROW_BYTES + observations / Math.max(units, 1)) / TASK_CHUNK_BYTES))
  const operations = units * 2 * taskChunks
  const scannedBytes = scans.reduce((sum, bytes) => sum + bytes, 0)
  const insertedBytes = Math.max(rows, units * LEAST_ROW_BYTES)
  const cpuSeconds = runSeconds * MAIN.cpus + populateSeconds * POPULATE.cpus
  const gibSeconds = runSeconds * MAIN.gib + populateSeconds * POPULATE.gib
  const requests = units + shards
  const messageBytes = shards * 2 * LEAST_MESSAGE_BYTES
  const { bigquery_scan: scan, bigquery_inserts: inserts, bigquery_storage: storage } = GOOGLE_PRICES
  const { cloud_run_cpu: cpu, cloud_run_memory: memory, cloud_run_requests: calls, cloud_tasks, pubsub } = GOOGLE_PRICES
  return [
    part('bigquery', 'scan', scannedBytes / TIB, scan, bytesText(scannedBytes)),
    part('bigquery', 'ledger inserts', insertedBytes / 200e6, inserts, bytesText(insertedBytes)),
    // The ledger and the results.
    part('bigquery', 'storage per month', (2 * rows) / GIB, storage, bytesText(2 * rows)),
    part('cloud_run', 'vCPU', cpuSeconds, cpu, `${count(cpuSeconds)} vCPU-seconds`),
    part('cloud_run', 'memory', gibSeconds, memory, `${count(gibSeconds)} GiB-seconds`),
    part('cloud_run', 'requests', requests / 1e6, calls, `${count(requests)} requests`),
    part('cloud_tasks', 'tasks', operations / 1e6, cloud_tasks, `${count(operations)} operations`),
    part('pubsub', 'messages', messageBytes / TIB, pubsub, `${count(shards)} ${shards === 1 ? 'shard' : 'shards'}`),
  ]
}

function part(
  service: CostPart['service'],
  what: string,
  amount: number,
  { usd, per, source }: ListPrice,
  words: string,
): CostPart {
  return { service, what, usd: amount * usd, amount: words, price_usd: usd, price_per: per, source }
}

function scanned(bytes: number, tables: number): number {
  return Math.max(bytes, tables * LEAST_SCANNED_BYTES)
}

const count = (value: number): string => countText(Math.ceil(value))
