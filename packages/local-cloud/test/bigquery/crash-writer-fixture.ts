import { httpOperations } from '../../src/kernel/gateway.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { bigQueryApi } from '../../src/apis/bigquery/index.ts'
import { demoAccess, TESTER } from './access-fixture.ts'

/** A process that writes to an emulated BigQuery as fast as it can and reports each answer, until it is killed. */
const [directory = ''] = process.argv.slice(2)
const operation = httpOperations(async (_call, handler) => handler({ email: TESTER }))
const api = await bigQueryApi({ directory, clock: systemClock, operation, access: demoAccess() })
await api.start()

async function post(path: string, body: object): Promise<number> {
  const response = await api.http!.app.request(`/bigquery/v2/projects/demo/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
  })
  await response.text()
  return response.status
}

await post('datasets', { datasetReference: { datasetId: 'd' } })
const schema = {
  fields: [
    { name: 'id', type: 'STRING' },
    { name: 'n', type: 'INTEGER' },
  ],
}
await post('datasets/d/tables', { tableReference: { tableId: 't' }, schema })

async function stream(writer: number): Promise<void> {
  for (let n = 0; ; n++) {
    const id = `${process.pid}-${writer}-${n}`
    const status = await post('datasets/d/tables/t/insertAll', { rows: [{ insertId: id, json: { id, n } }] })
    if (status === 200) process.stdout.write(`row ${id}\n`)
  }
}

async function query(): Promise<void> {
  for (let n = 0; ; n++) {
    const jobId = `job-${process.pid}-${n}`
    const destinationTable = { projectId: 'demo', datasetId: 'd', tableId: 'out' }
    const configuration = {
      query: {
        query: 'SELECT COUNT(*) AS n FROM d.t',
        useLegacySql: false,
        destinationTable,
        writeDisposition: 'WRITE_TRUNCATE',
      },
    }
    const status = await post('jobs', { jobReference: { jobId }, configuration })
    if (status === 200) process.stdout.write(`job ${jobId}\n`)
  }
}

await Promise.all([stream(0), stream(1), query()])
