import { carried, type Carried } from '../contracts/carry.ts'
import { bucketName, carriedPath, imagesTable, tablePath, type RunTables } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { type TableName } from '../google/bigquery/bigquery.ts'
import { readObject, writeObject } from '../google/storage/storage.ts'
import { ifFound } from '../google/transport/errors.ts'
import { quoted } from './sql/names.ts'
import type { Comparison } from './sql/carry.ts'

type RunRef = Pick<RunSpec, 'run_id' | 'place'>

const uriOf = ({ run_id: runId, place }: RunRef): string => `gs://${bucketName(place)}/${carriedPath(runId)}`

/** Returns what a run carried over; undefined if it carries nothing, or has not done so yet. */
export async function carriedOf(spec: RunRef & Pick<RunSpec, 'carry'>): Promise<Carried | undefined> {
  if (!spec.carry) return undefined
  const bytes = await ifFound(readObject(uriOf(spec)))
  return bytes && carried.parse(JSON.parse(bytes.toString('utf8')))
}

export async function saveCarried(spec: RunRef, value: Carried): Promise<void> {
  await writeObject(uriOf(spec), JSON.stringify(value, null, 2), { contentType: 'application/json' })
}

/** The scratch table with the versions of images. */
export function versionsTable(tables: RunTables): TableName {
  return { projectId: tables.projectId, dataset: tables.dataset, table: imagesTable(tables) }
}

/** Its columns. */
export const VERSION_COLUMNS = [
  { name: 'gcs_uri', type: 'STRING' },
  { name: 'version', type: 'STRING' },
] as const

/** The comparison of a recorded run. */
export function comparisonOf(
  spec: RunSpec & { carry: NonNullable<RunSpec['carry']> },
  questionHash: string,
): Comparison {
  const { tables, carry, profile, place } = spec
  return {
    units: quoted(tablePath(tables, tables.assets)),
    versions: quoted(tablePath(tables, imagesTable(tables))),
    ledgers: carry.ledgers,
    profile,
    questionHash,
    stagedPrefix: `gs://${bucketName(place)}/runs/`,
    trustsAddresses: carry.trusts_addresses,
  }
}
