import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bigQueryApi } from '../../src/apis/bigquery/index.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import { httpOperations } from '../../src/kernel/gateway.ts'
import { demoAccess, TESTER } from './access-fixture.ts'

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'bigquery-crash-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

/** Runs the writer until it has reported the given number of answers, kills it, and returns its reports. */
async function killedAfter(answers: number): Promise<string[]> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'crash-writer-fixture.ts'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const reported: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    reported.push(line)
    if (reported.length === answers) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return reported
}

describe('a store whose process is killed', () => {
  it.each([1, 7, 40, 120])('after %i answers keeps every answered write and still works', async (answers) => {
    const reported = await killedAfter(answers)
    const operation = httpOperations(async (_call, handler) => handler({ email: TESTER }))
    const api = await bigQueryApi({ directory, clock: systemClock, operation, access: demoAccess() })
    await api.start()
    const call = async (
      method: string,
      where: string,
      body?: object,
    ): Promise<{ status: number; json: Record<string, unknown> }> => {
      const response = await api.http!.app.request(`/bigquery/v2/projects/demo/${where}`, {
        method,
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
      return { status: response.status, json: (await response.json()) as Record<string, unknown> }
    }
    try {
      const query = { query: 'SELECT id, COUNT(*) AS n FROM d.t GROUP BY id', useLegacySql: false }
      const { json } = await call('POST', 'queries', query)
      const stored = new Map(((json['rows'] ?? []) as { f: { v: string }[] }[]).map(({ f }) => [f[0]!.v, f[1]!.v]))
      for (const line of reported.filter((text) => text.startsWith('row '))) expect(stored.get(line.slice(4))).toBe('1')
      for (const line of reported.filter((text) => text.startsWith('job '))) {
        const id = line.slice(4)
        await call('GET', `queries/${id}?timeoutMs=10000`)
        const job = await call('GET', `jobs/${id}`)
        expect(job.json['status']).toEqual({ state: 'DONE' })
        const again = await call('POST', 'jobs', {
          jobReference: { jobId: id, location: 'US' },
          configuration: { query },
        })
        expect(again.status).toBe(409)
      }
    } finally {
      await api.stop()
    }
  })
})
