import { expect, test } from 'vitest'
import type { RunReport } from '../../../src/contracts/run-report.ts'
import type { About } from '../../../src/services/view/about.ts'
import type { OpenedRun } from '../../../src/services/view/open-run.ts'
import { viewedRun } from '../../../src/services/view/viewed-run.ts'

test('the commands for failures of a run reach the cloud of the run', () => {
  const group = { cause: 'schema_mismatch', units: 2, example: { unit_id: 'a', error_message: 'No color.' } } as const
  const report = {
    state: 'complete',
    units: { total: 3, ok: 1, failed: 2, pending: 0 },
    cost_usd: 0,
    failure_groups: [
      { ...group, next: 'imagery retry 261123-9f3c1a7b --cause schema_mismatch' },
      { ...group, next: 'Put the image back' },
    ],
  } as unknown as RunReport
  const opened = { runId: '261123-9f3c1a7b', report, rows: { table: 'p.d.t', version: '1' } } as unknown as OpenedRun
  const about = { rows: 3, columns: [], bounds: null } as unknown as About
  const counted = { ok: 1, failed: 2, cost_usd: 0, is_live: false, flags: ' --local' }
  expect(viewedRun(opened, about, counted).failures.map(({ next }) => next)).toEqual([
    'imagery retry 261123-9f3c1a7b --cause schema_mismatch --local',
    'Put the image back',
  ])
})
