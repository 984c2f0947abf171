import path from 'node:path'
import { shellWord } from '../contract/shell-word.ts'
import { diskProblem } from '../kernel/disk-problem.ts'
import { LocalCloudError } from '../kernel/local-cloud-error.ts'

/** An imagery command for the local cloud of a data folder, so that a fix never affects another cloud. */
export function commandOn(dataDir: string, command: string): string {
  return `imagery ${command} --data-dir ${shellWord(dataDir)}`
}

/**
 * The store of an API cannot be opened. A full disk, or too many open files, is not damage: the data is
 * intact, and a reset would lose it needlessly.
 */
export function storeFailed(
  dataDir: string,
  name: string,
  error: unknown,
  directory = path.join(dataDir, name),
): LocalCloudError {
  const what = `The local cloud's ${name} data in ${directory} cannot be opened`
  const problem = diskProblem(error)
  if (problem) return folderUnusable(what, problem, error)
  return new LocalCloudError(
    'STORE_DAMAGED',
    `${what}: ${messageOf(error)}`,
    [
      'Restore the folder from a copy',
      `${commandOn(dataDir, 'local reset')}   (deletes everything in this local cloud)`,
    ],
    error,
  )
}

/** The keys of the local cloud cannot be opened. */
export function identityFailed(dataDir: string, error: unknown): LocalCloudError {
  const directory = path.join(dataDir, 'identity')
  const what = `The local cloud's identity in ${directory} cannot be opened`
  const problem = diskProblem(error)
  if (problem) return folderUnusable(what, problem, error)
  return new LocalCloudError(
    'STORE_DAMAGED',
    `${what}: ${messageOf(error)}`,
    [`rm -r ${shellWord(directory)}   (imagery creates new keys; nothing else is lost)`],
    error,
  )
}

/** Any other disk error during the start of a local cloud; undefined for other errors. */
export function startFailed(dataDir: string, error: unknown): LocalCloudError | undefined {
  if (error instanceof LocalCloudError) return undefined
  const problem = diskProblem(error)
  return problem && folderUnusable(`The local cloud in ${dataDir} cannot start`, problem, error)
}

function folderUnusable(what: string, problem: { what: string; remedy: string }, error: unknown): LocalCloudError {
  const message = `${what}: ${problem.what} (${messageOf(error)})`
  return new LocalCloudError('DATA_FOLDER_UNUSABLE', message, [problem.remedy], error)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
