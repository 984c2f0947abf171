import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import { bqTable, tableAt } from '../../contracts/names.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { safeCastAdvice } from './filter-advice.ts'

/**
 * What a wildcard cannot read (https://cloud.google.com/bigquery/docs/querying-wildcard-tables#limitations). Of other types,
 * BigQuery may speak only while the query runs (trinodb/trino#26990).
 */
const OF_THE_PREFIX = /cannot be queried through prefix|\bCannot read field\b/

/** Returns the error for tables that cannot be read as the one that a wildcard stands for, if this is about that. */
export function prefixError(path: string, error: CloudError): ImageryError | undefined {
  if (!path.endsWith('*') || !OF_THE_PREFIX.test(error.message)) return undefined
  const { projectId, dataset } = tableAt(path)
  return new ImageryError('INVALID_FLAG', `${path} cannot be read as one table: ${error.message}`, {
    suggestions: [
      'Use a longer beginning of the name, so that only tables of the same columns match, or one table',
      `bq ls ${shellWord(`${projectId}:${dataset}`)}   (lists the tables of the dataset)`,
    ],
    cause: error,
  })
}

interface ReadSource {
  /** `project.dataset.table` of what is read, a table or a view. */
  path: string
  where: string | null
}

/**
 * Returns the error for what BigQuery finds only when it reads the rows, which no dry run does: a value that the user's
 * filter cannot cast, a file of an external table that is gone, tables of a wildcard with other types. Undefined for any
 * other failure.
 */
export function failedRead(error: unknown, { path, where }: ReadSource): ImageryError | undefined {
  if (!(error instanceof CloudError)) return undefined
  if (error.status === 'NOT_FOUND' && error.message.startsWith('Not found: URI ')) {
    const name = bqTable(path)
    return new ImageryError('SOURCE_NOT_FOUND', `A file with rows of ${name} does not exist: ${error.message}`, {
      suggestions: [`bq show --format=prettyjson ${shellWord(name)}   (shows its files)`],
      cause: error,
    })
  }
  const ofThePrefix = prefixError(path, error)
  if (ofThePrefix) return ofThePrefix
  if (error.status !== 'INVALID_ARGUMENT' || where === null) return undefined
  const suggestions = safeCastAdvice(where, error.message)
  if (suggestions.length === 0) return undefined
  return new ImageryError('INVALID_FILTER', `--where ${where}: ${error.message}`, { suggestions, cause: error })
}

/** Waits for a query that reads a source. It rejects with the error of `failedRead`, or with its own. */
export async function readingRows<Result>(source: ReadSource, query: Promise<Result>): Promise<Result> {
  try {
    return await query
  } catch (error) {
    throw failedRead(error, source) ?? error
  }
}
