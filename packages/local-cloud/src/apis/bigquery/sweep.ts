import { tableKey } from './records.ts'
import { dropRowsSql, RESULT_LIFETIME_MS, type Warehouse } from './warehouse.ts'

/** Drops what has expired: tables past their expiration, and rows of query results older than a day. */
export async function sweep({ store, clock }: Warehouse): Promise<void> {
  const now = clock.now()
  const expired = [...store.tables.values()].filter(
    (record) => record.expirationMs !== undefined && record.expirationMs <= now,
  )
  const results = await store.expiredResults(now - RESULT_LIFETIME_MS)
  if (expired.length === 0 && results.length === 0) return
  await store.write(async () => {
    return {
      statements: [
        ...dropRowsSql(expired),
        ...results.map(({ result }) => `DROP TABLE IF EXISTS data.${result!.physical}`),
      ],
      tables: expired.map((record) => [tableKey(record.project, record.dataset, record.table), null] as const),
      jobs: results.map((job) => {
        const { physical: _, ...result } = job.result!
        return { ...job, result }
      }),
    }
  })
}
