import { expect, test } from 'vitest'
import { probeWarning } from '../../../src/services/run/probe.ts'

const ANSWERED = { outcome: 'answered', unit_id: 'a1', recorded: ['a1'] } as const

test.each([
  [{ outcome: 'no_image', recorded: [] }, /^The model was not asked before the run: the first assets have no/],
  [
    { ...ANSWERED, status: 'failed', cause: 'schema', error_message: 'no color' },
    /before the run: a1: failed \(schema\): no color$/,
  ],
  [
    { outcome: 'retry', cause: 'timeout', message: 'slow', retry_after_ms: 1, is_agent_coming: false, recorded: [] },
    /^The model was asked about one asset before the run: not answered yet \(timeout\): slow; its task asks again$/,
  ],
] as const)('a probe that is %o leads to a warning', (result, text) => {
  expect(probeWarning(result as unknown as Parameters<typeof probeWarning>[0])).toMatch(text)
})

test('an answer that fits leads to no warning', () => {
  expect(probeWarning({ ...ANSWERED, status: 'ok', recorded: ['a1'] })).toBeUndefined()
})
