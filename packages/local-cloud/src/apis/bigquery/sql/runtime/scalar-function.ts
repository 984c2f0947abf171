import {
  DuckDBListValue,
  DuckDBScalarFunction,
  type DuckDBConnection,
  type DuckDBType,
  type DuckDBValue,
} from '@duckdb/node-api'

/** A function of ours that DuckDB's queries call. It never sees NULL: a NULL argument makes the result NULL. */
export interface Definition {
  parameters: DuckDBType[]
  returns: DuckDBType
  // eslint-disable-next-line typescript/no-explicit-any -- the arguments' types are those of `parameters`
  evaluate: (...args: any[]) => DuckDBValue | undefined
  /** Bytes that the call needs besides its arguments and its result. */
  // eslint-disable-next-line typescript/no-explicit-any -- as above
  bytes?: (...args: any[]) => number
}

export const define = (
  parameters: DuckDBType[],
  returns: DuckDBType,
  evaluate: Definition['evaluate'],
): Definition => ({ parameters, returns, evaluate })

/**
 * The limit for the input and output of one batch of rows (2,048). DuckDB calls us for a batch at a time, on the thread that
 * also answers calls and signals, and counts none of these bytes. Google gives a query more, but not without limit.
 */
const MAX_BATCH_BYTES = 256 * 1024 * 1024

/** BigQuery's words: https://cloud.google.com/bigquery/docs/troubleshoot-queries#ts-resources-exceeded */
export const OUT_OF_MEMORY =
  'Resources exceeded during query execution: The query could not be executed in the allotted memory.'

/** Makes a function known to the database; all of its connections see it. */
export function register(
  connection: DuckDBConnection,
  name: string,
  { parameters, returns, evaluate, bytes }: Definition,
): void {
  const created = DuckDBScalarFunction.create({
    name,
    parameterTypes: parameters,
    returnType: returns,
    mainFunction: (_info, input, output) => {
      const columns = parameters.map((_, index) => input.getColumnVector(index))
      let total = 0
      const count = (size: number): void => {
        total += size
        if (total > MAX_BATCH_BYTES) throw new Error(`bq-resources:${OUT_OF_MEMORY}`)
      }
      for (let row = 0; row < input.rowCount; row++) {
        const args = columns.map((column) => column.getItem(row))
        if (args.includes(null)) {
          output.setItem(row, null)
          continue
        }
        for (const arg of args) count(sizeOf(arg))
        if (bytes) count(bytes(...args))
        const result = evaluate(...args) ?? null
        count(sizeOf(result))
        output.setItem(row, result)
      }
      output.flush()
    },
  })
  connection.registerScalarFunction(created)
}

function sizeOf(value: DuckDBValue): number {
  if (typeof value === 'string') return value.length
  if (value instanceof DuckDBListValue) return value.items.reduce((sum: number, item) => sum + sizeOf(item), 0)
  return typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes.length : 0
}
