import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { promptHash, runHashes, schemaHash, type Profile, type RunSpec } from '../../contracts/run-spec.ts'
import { describeTable } from '../../google/bigquery/bigquery.ts'
import { runTable } from '../../run-data/run-tables.ts'
import { resolveProfile } from '../../profiles/resolve-profile.ts'
import { fileHash } from '../source/file-hash.ts'

/**
 * Checks that a run's profile and source are the same as when it started. Otherwise some of its rows
 * would answer another question, or describe another table.
 *
 * @throws ImageryError INVALID_CONFIGURATION that lists the changes to the run's own record and,
 *   unless `asRecorded`, to the profile or the source that its user named
 */
export async function checkUnchanged(spec: RunSpec, options: { asRecorded: boolean; flags: string }): Promise<void> {
  const record = recordChanges(spec)
  if (record.length > 0) {
    throw new ImageryError(
      'INVALID_CONFIGURATION',
      `The record of run ${spec.run_id} was changed after the run started: ${record.join(', ')}`,
      {
        suggestions: [`imagery teardown ${spec.run_id}${options.flags}`],
      },
    )
  }
  if (options.asRecorded) return
  const changes = [...profileChanges(spec), ...(await sourceChanges(spec))]
  if (changes.length === 0) return
  throw new ImageryError(
    'INVALID_CONFIGURATION',
    `The profile or source of run ${spec.run_id} has changed since the run started:\n${changes.map((change) => `  ${change}`).join('\n')}`,
    {
      suggestions: [
        `imagery resume ${spec.run_id} --as-recorded${options.flags}   (finishes it with its original profile and source)`,
        `imagery run${options.flags} --table ${spec.source.given} --profile ${spec.profile_given ?? spec.profile.name}   (a new run)`,
      ],
    },
  )
}

function recordChanges(spec: RunSpec): string[] {
  if (!spec.hashes) return []
  const now = runHashes(spec)
  return (['source', 'prompt', 'schema'] as const).filter((part) => spec.hashes?.[part] !== now[part])
}

function profileChanges(spec: RunSpec): string[] {
  const given = spec.profile_given
  if (given === null) return []
  let now: Profile
  try {
    now = resolveProfile(given)
  } catch (error) {
    if (!(error instanceof ImageryError)) throw error
    // On another machine, or if the file was moved, the run uses its own copy.
    if (error.code === 'FILE_NOT_FOUND' || error.code === 'PROFILE_NOT_FOUND') return []
    return [`profile ${given} is no longer valid: ${error.message}`]
  }
  const changes = [
    ...(promptHash(now) === promptHash(spec.profile) ? [] : ['prompt']),
    ...(schemaHash(now) === schemaHash(spec.profile) ? [] : ['output schema']),
  ]
  return changes.map((change) => `the ${change} of profile ${given} has changed`)
}

async function sourceChanges({ source, tables }: RunSpec): Promise<string[]> {
  if (source.file_hash !== null && source.image_folder !== null) {
    const file = path.join(source.image_folder, path.basename(source.given))
    const now = await fileHash(file)
    // On another machine, or if the file was moved, the run uses its own copy.
    return now === undefined || now === source.file_hash ? [] : [`the content of ${file} has changed`]
  }
  if (source.modified_ms === null || (await describeTable(runTable(tables, 'assets')))) return []
  const table = await describeTable({ projectId: source.projectId, dataset: source.dataset, table: source.table })
  if (table?.modifiedMs === source.modified_ms) return []
  return [
    table
      ? `table ${source.given} has changed, and the run had not read it yet`
      : `table ${source.given} no longer exists`,
  ]
}
