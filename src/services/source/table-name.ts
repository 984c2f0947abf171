import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import type { TableName } from '../../google/bigquery/bigquery.ts'

/** A BigQuery table as the user named it. A name that ends with `*` means all tables that begin so. */
export interface NamedTable {
  table: TableName
  /** What a `$` names: `20260914` in `obs$20260914`. */
  partition?: string
}

/** Project IDs can include a domain (https://cloud.google.com/resource-manager/docs/creating-managing-projects#before_you_begin). */
const PROJECT = String.raw`(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]`
const WHOLE_PROJECT = new RegExp(`^${PROJECT}$`)
/** https://cloud.google.com/bigquery/docs/datasets#dataset-naming */
const DATASET = /^[A-Za-z0-9_]{1,1024}$/
/** https://cloud.google.com/bigquery/docs/tables#table_naming, without the characters that end a name in a statement */
const TABLE = /^[^./\\`\n$@*]{1,1024}$/

/** Other programs' ways to name a table: Vertex AI's, and the full names of resources. */
const OTHER_FORMS: readonly RegExp[] = [
  /^bq:\/\/([^./]+)\.([^./]+)\.([^./]+)$/,
  /^(?:\/\/bigquery\.googleapis\.com\/|https:\/\/bigquery\.googleapis\.com\/bigquery\/v2\/)?projects\/([^/]+)\/datasets\/([^/]+)\/tables\/([^/]+)$/,
]

/** Whether a text with a slash can only name a table. */
export function isResourceName(given: string): boolean {
  return OTHER_FORMS.some((form) => form.test(given))
}

/** Whether a text is a table's name of three plain parts. */
export function isTableName(given: string): boolean {
  const [project = '', dataset = '', table = '', ...more] = given.split('.')
  return more.length === 0 && WHOLE_PROJECT.test(project) && DATASET.test(dataset) && TABLE.test(table)
}

/**
 * Reads the name of a BigQuery table: `project.dataset.table`, with backticks around it or its parts, and legacy SQL's
 * `project:dataset.table` and `[project:dataset.table]`.
 *
 * @throws ImageryError INVALID_FLAG, with the command to use instead, for what is no table that a run can read
 */
export function parseTableName(given: string): NamedTable {
  const text = plainName(given)
  if (/(?:^|\.)INFORMATION_SCHEMA(?:\.|$)/i.test(text)) throw metadataView(given, text)
  const [, project, dataset, table] = splitName(text) ?? []
  if (project === undefined || dataset === undefined || table === undefined) throw notThreeParts(given, text)
  const name = { projectId: project, dataset, table }
  if (!WHOLE_PROJECT.test(project)) throw badProject(given, name)
  if (!DATASET.test(dataset)) throw badDataset(given, name)
  if (/\*./s.test(table)) throw wildcard(given, name)
  if (table.includes('@')) throw timeDecorator(given, name)
  const [base = '', ...partition] = table.split('$')
  if (!TABLE.test(base.replace(/\*$/, '') || '-') || partition.length > 1) throw badTable(given, name)
  return { table: { ...name, table: base }, ...(partition.length === 1 ? { partition: partition[0]! } : {}) }
}

/** The name without the quotes and brackets that a statement needs around it. */
function plainName(given: string): string {
  const found = OTHER_FORMS.map((form) => form.exec(given.trim())).find((match) => match !== null)
  if (found) return found.slice(1).join('.')
  const text = given.trim().replace(/;$/, '')
  const inside = /^\[(.*)\]$/s.exec(text)?.[1] ?? /^"(.*)"$/s.exec(text)?.[1] ?? /^'(.*)'$/s.exec(text)?.[1] ?? text
  const ticks = inside.split('`').length - 1
  // Backticks enclose the whole name, or one part or several.
  const isQuoted = ticks % 2 === 0 && inside.split('`').every((part, index) => index % 2 === 1 || /^[^`]*$/.test(part))
  return isQuoted ? inside.replaceAll('`', '') : inside
}

/** Splits a name into project, dataset and table. A colon is a domain's if another one or two dots follow. */
function splitName(text: string): RegExpExecArray | null {
  return (
    /^((?:[^:.]+\.[^:]+:)?[^:.]+)\.([^.:]+)\.([^.:]+)$/s.exec(text) ??
    /^((?:[^:.]+\.[^:]+:)?[^:.]+):([^.:]+)\.([^.:]+)$/s.exec(text)
  )
}

const pathOf = ({ projectId, dataset, table }: TableName): string => `${projectId}.${dataset}.${table}`
const run = (table: string): string => `imagery run --table ${shellWord(table)} …`

function refused(given: string, why: string, suggestions: string[]): ImageryError {
  return new ImageryError('INVALID_FLAG', `--table ${given}: ${why}`, { suggestions })
}

function notThreeParts(given: string, text: string): ImageryError {
  const parts = text.split('.')
  const usual = 'a BigQuery table has the form project.dataset.table'
  if (text.includes('`')) {
    const clean = text.replaceAll('`', '')
    return refused(given, `a backtick is not closed; ${usual}`, [run(clean)])
  }
  if (parts.length === 2 && !text.includes(':')) {
    return refused(given, `it is neither an existing file or folder nor names a project; ${usual}`, [
      `imagery run --table PROJECT.${text} …   (imagery config get project prints your project)`,
    ])
  }
  const domain = /^([a-z0-9-]+\.[a-z]{2,})\.([^.]+)\.([^.]+)\.([^.]+)$/.exec(text)
  if (domain) {
    const [, name, project, dataset, table] = domain
    return refused(given, `it has ${parts.length} parts; a colon follows the domain of a project`, [
      run(`${name}:${project}.${dataset}.${table}`),
    ])
  }
  const [project = '', dataset = ''] = parts
  return refused(given, `it is neither an existing file or folder nor a table's name; ${usual}`, [
    parts.length > 3
      ? `bq ls ${shellWord(`${project}:${dataset}`)}   (lists the tables of the dataset)`
      : run('my-project.my_dataset.latest_observations'),
  ])
}

function badProject(given: string, { projectId, dataset, table }: TableName): ImageryError {
  const lower = projectId.toLowerCase()
  if (/^\d+$/.test(projectId)) {
    return refused(given, `${projectId} is a project's number; name the project by its ID`, [
      `gcloud projects describe ${projectId} --format 'value(projectId)'`,
    ])
  }
  const suggestion = WHOLE_PROJECT.test(lower) ? run(`${lower}.${dataset}.${table}`) : 'gcloud projects list'
  return refused(
    given,
    `${projectId || 'the part before the first dot'} is no project ID, which has 6 to 30 lower-case letters, digits and dashes`,
    [suggestion],
  )
}

function badDataset(given: string, { projectId, dataset }: TableName): ImageryError {
  return refused(given, `${dataset} is no dataset's name, which has letters, digits and underscores only`, [
    `bq ls ${shellWord(`${projectId}:`)}   (lists the datasets of the project)`,
  ])
}

function badTable(given: string, { projectId, dataset, table }: TableName): ImageryError {
  return refused(given, `${table} is no table's name`, [
    `bq ls ${shellWord(`${projectId}:${dataset}`)}   (lists the tables of the dataset)`,
  ])
}

/** Only the end of a name can be open (https://cloud.google.com/bigquery/docs/querying-wildcard-tables). */
function wildcard(given: string, name: TableName): ImageryError {
  return refused(given, 'a wildcard can only be the last character of a table', [
    run(pathOf({ ...name, table: `${name.table.split('*')[0]}*` })),
  ])
}

/** Whether a name means all tables that begin so. */
export function isWildcard({ table }: TableName): boolean {
  return table.endsWith('*')
}

/**
 * Decorators of legacy SQL name a table as it was. `bq cp` knows a single time, in milliseconds since 1970 or before
 * now (https://cloud.google.com/bigquery/docs/access-historical-data#restore-a-table).
 */
function timeDecorator(given: string, name: TableName): ImageryError {
  const [table = '', time = ''] = name.table.split('@')
  const copy = { ...name, table: `${table}_then` }
  const legacy = ({ projectId, dataset, table: id }: TableName): string => `${projectId}:${dataset}.${id}`
  const isRange = /^-?\d+-(?:-?\d+)?$/.test(time)
  const command = isRange
    ? `bq query --use_legacy_sql=true --allow_large_results --noflatten_results --destination_table ${shellWord(legacy(copy))} ${shellWord(`SELECT * FROM [${legacy(name)}]`)}`
    : `bq cp ${shellWord(legacy(name))} ${shellWord(legacy(copy))}`
  return refused(given, `it names the table as it was (@${time}), and a run reads it as it is; copy it first`, [
    command,
    run(pathOf(copy)),
  ])
}

/** https://cloud.google.com/bigquery/docs/information-schema-intro */
function metadataView(given: string, text: string): ImageryError {
  const [before = ''] = text.split(/\.?INFORMATION_SCHEMA/i)
  const statement = `SELECT table_name FROM \`${before}.INFORMATION_SCHEMA.TABLES\``
  return refused(given, 'it describes tables and has no images; name one of the tables', [
    before.includes('.') && !/(?:^|\.)region-/i.test(before)
      ? `bq query --use_legacy_sql=false ${shellWord(statement)}`
      : 'bq ls PROJECT:DATASET   (lists the tables of a dataset)',
  ])
}
