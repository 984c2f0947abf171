import { GoogleError } from '../../kernel/errors.ts'
import { StoredCatalog } from './catalog.ts'
import { fieldOf, type Field } from './table-schema.ts'
import { failureMessage, SqlFailure } from './sql/failure.ts'
import { translate } from './sql/translate.ts'
import { refuseEgress, type Warehouse } from './warehouse.ts'

/** The columns of a view; its tables must exist and its query be valid: https://cloud.google.com/bigquery/docs/views#view_limitations */
export async function viewColumns(
  warehouse: Warehouse,
  project: string,
  query: string,
  location: string,
): Promise<Field[]> {
  const catalog = new StoredCatalog(warehouse, { project, location })
  try {
    const { columns, inserts } = translate(query, { catalog, nowMicros: BigInt(warehouse.clock.now()) * 1000n })
    if (inserts !== undefined) throw new SqlFailure('A view must be defined by a query')
    refuseEgress(warehouse, [...catalog.referenced.values()])
    return columns.map(({ name, type }) => fieldOf(name, type))
  } catch (error) {
    if (error instanceof SqlFailure) throw failureAnswer(error, query)
    throw error
  }
}

/** A refused statement as the API's error. */
export function failureAnswer(failure: SqlFailure, statement: string): GoogleError {
  const message = failureMessage(failure, statement)
  if (failure.reason === 'notFound') return new GoogleError('NOT_FOUND', message, { reason: 'notFound' })
  if (failure.reason === 'notImplemented')
    return new GoogleError('UNIMPLEMENTED', message, { reason: 'notImplemented' })
  return new GoogleError('INVALID_ARGUMENT', message, { reason: failure.reason, location: 'query' })
}
