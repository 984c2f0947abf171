import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import { tablePath } from '../../contracts/names.ts'
import { datasetLocation, firstTables, listDatasets, type TableName } from '../../google/bigquery/bigquery.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { isWildcard } from './table-name.ts'
import { nearestName } from '../../profiles/nearest-name.ts'

/** Why a table cannot be read, and the commands that help. */
export interface MissingTable {
  message: string
  suggestions: string[]
}

/** Google answers 404 for what does not exist and for what this account may not see. */
const OR_HIDDEN = 'does not exist, or this account has no access to it'

/** Explains why there is no such table: its dataset is missing, or its name is like that of another one. */
export async function missingTable(name: TableName): Promise<MissingTable> {
  const { projectId, dataset, table } = name
  const path = tablePath(name, table)
  const owner = `${projectId}.${dataset}`
  if ((await hidden(datasetLocation(name))) === undefined) {
    const near = nearestName(dataset, (await hidden(listDatasets(projectId))) ?? [])
    return {
      message: `${path}: dataset ${owner} ${OR_HIDDEN}`,
      suggestions: [
        ...(near === undefined ? [] : [`imagery run --table ${shellWord(`${projectId}.${near}.${table}`)} …`]),
        `bq ls ${shellWord(`${projectId}:`)}   (lists the datasets of the project)`,
      ],
    }
  }
  const list = `bq ls ${shellWord(`${projectId}:${dataset}`)}   (lists the tables of the dataset)`
  if (isWildcard(name))
    return {
      message: `${owner} has no table${table === '*' ? '' : ` that begins with ${table.slice(0, -1)}`}`,
      suggestions: [list],
    }
  const tables = (await hidden(firstTables(name))) ?? []
  const near = nearestName(table, tables)
  const shards = tables.filter((each) => each.startsWith(table) && /^_?\d{8}$/.test(each.slice(table.length)))
  const like = shards.length > 0 ? `; the dataset has ${shards.at(-1)} and the like` : ''
  const prefix = shards.length > 1 ? [`${shards[0]!.slice(0, -8)}*`] : []
  const best = shards.length > 0 ? [...shards.slice(-1), ...prefix] : near === undefined ? [] : [near]
  return {
    message: `Table ${path} ${OR_HIDDEN}${like}`,
    suggestions: [
      ...best.map((each) => `imagery run --table ${shellWord(`${owner}.${each}`)} …`),
      `bq show ${shellWord(`${projectId}:${dataset}.${table}`)}`,
      list,
    ],
  }
}

/** The same as an error. */
export async function missingTableError(name: TableName): Promise<ImageryError> {
  const { message, suggestions } = await missingTable(name)
  return new ImageryError('SOURCE_NOT_FOUND', message, { suggestions })
}

/** What only helps an explanation may be hidden from this account. */
async function hidden<Result>(answer: Promise<Result>): Promise<Result | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof CloudError) return undefined
    throw error
  })
}
