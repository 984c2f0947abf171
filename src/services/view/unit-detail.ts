import type { Row, Value, ViewedColumn } from '@imagery/viewer/contract/columns'
import type { UnitAttempt, UnitDetail } from '@imagery/viewer/contract/source'
import type { Mark } from '@imagery/viewer/contract/review'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import type { RunSpec } from '../../contracts/run-spec.ts'
import { parseGsUri } from '../../contracts/gs-uri.ts'
import { unitAttemptsQuery } from '../../run-data/sql/one-asset.ts'
import { allRows } from '../results/read-rows.ts'
import type { StoredUnit } from './stored-unit.ts'

/** What a unit's detail needs besides its row. */
export interface DetailContext {
  runId: string
  /** `project.dataset.table` of the rows. */
  table: string
  /** The flags that a command needs to work on the same cloud. */
  flags: string
  attempts: readonly UnitAttempt[]
  mark: Mark | null
  /** Google's console has no page for an object of a local cloud. */
  isLocal: boolean
}

export function unitDetail(
  { unit_id: unitId, location, values }: StoredUnit,
  { runId, table, flags, attempts, mark, isLocal }: DetailContext,
): UnitDetail {
  return {
    unit_id: unitId,
    asset_id: textOf(values['asset_id']),
    status: textOf(values['status']) ?? 'ok',
    location,
    values,
    images: imagesOf(values).map((image) => ({
      ...image,
      console_url: isLocal ? null : consoleUrl(image.gcs_uri),
    })),
    attempts: [...attempts],
    mark,
    command: `imagery show ${runId} ${shellWord(unitId)}${flags}`,
    sql: `SELECT * FROM \`${table}\` WHERE unit_id = ${JSON.stringify(unitId)}`,
  }
}

/** Returns the images of a row, in the order in which the model saw them. */
export function imagesOf(values: Row): { observation_id: string | null; gcs_uri: string }[] {
  const ids = listOf(values['observation_ids'])
  return listOf(values['gcs_uris']).map((uri, index) => ({
    observation_id: textOf(ids[index]),
    gcs_uri: String(uri),
  }))
}

const listOf = (value: Value | undefined): Value[] => (Array.isArray(value) ? value : [])
const textOf = (value: Value | undefined): string | null => (typeof value === 'string' ? value : null)

/** The page of an object in Google's console; null for an address that is not of an object. */
function consoleUrl(uri: string): string | null {
  const name = parseGsUri(uri)
  if ('fault' in name) return null
  const path = name.path.split('/').map(encodeURIComponent).join('/')
  return `https://console.cloud.google.com/storage/browser/_details/${encodeURIComponent(name.bucket)}/${path}`
}

/** Returns all attempts at a unit, oldest first. The query reads the one partition of the ledger that has the unit. */
export async function unitAttempts(
  spec: RunSpec,
  unitId: string,
  columns: readonly ViewedColumn[],
): Promise<UnitAttempt[]> {
  const { tables, place, source } = spec
  const query = { projectId: place.projectId, location: source.location, parameters: { id: unitId } }
  const answers = columns.filter(({ role }) => role === 'answer').map(({ name }) => name)
  const rows = await allRows(unitAttemptsQuery(tables), query)
  return rows.map((row) => attemptOf(row as Row, answers))
}

/** The columns of an attempt that are shown as they are. */
const SHOWN = [
  'attempt_id',
  'status',
  'cause',
  'error_message',
  'raw_answer',
  'model_version',
  'prompt_tokens',
  'output_tokens',
  'thought_tokens',
  'cost_usd',
  'latency_ms',
  'started_at',
] as const satisfies readonly (keyof UnitAttempt)[]

/** The columns that an attempt repeats from its unit, or that are of no use to a reader. */
const LEFT_OUT: ReadonlySet<string> = new Set(['run_id', 'unit_id', 'asset_id', 'bucket', 'input_images'])

function attemptOf(row: Row, answers: readonly string[]): UnitAttempt {
  const shown = Object.fromEntries(SHOWN.map((name) => [name, row[name] ?? null]))
  const known = new Set<string>([...SHOWN, ...answers])
  const extra = Object.entries(row).filter(([name]) => !known.has(name) && !LEFT_OUT.has(name))
  return {
    ...(shown as unknown as Omit<UnitAttempt, 'answer' | 'extra'>),
    answer: Object.fromEntries(answers.filter((name) => name in row).map((name) => [name, row[name] ?? null])),
    extra: Object.fromEntries(extra),
  }
}
