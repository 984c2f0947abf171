import { afterEach, expect, test } from 'vitest'
import { CloudError } from '../../src/google/transport/errors.ts'
import { settled } from '../../src/google/transport/settle.ts'
import { usePauses } from '../../src/google/transport/pauses.ts'
import { JumpingClock } from './jumping-clock.ts'

afterEach(() => usePauses())

test('a wait of minutes for Google moves the injected clock, and ends when the work succeeds', async () => {
  const clock = new JumpingClock()
  clock.takePauses()
  const startedMs = clock.now()
  const readyMs = startedMs + 100_000
  const work = async (): Promise<string> => {
    if (clock.now() < readyMs) throw new CloudError('PERMISSION_DENIED', 'not yet')
    return 'done'
  }
  const isTransient = ({ status }: CloudError): boolean => status === 'PERMISSION_DENIED'
  expect(await settled(work, { isTransient, settleMs: 120_000 })).toBe('done')
  expect(clock.now() - startedMs).toBeGreaterThanOrEqual(100_000)
  await expect(
    settled(() => Promise.reject(new CloudError('PERMISSION_DENIED', 'never')), { isTransient, settleMs: 30_000 }),
  ).rejects.toThrow('never')
})

test('a timer of the local cloud fires when a pause passes its moment', async () => {
  const clock = new JumpingClock()
  const fired: string[] = []
  clock.after(60_000, () => fired.push('late'))
  const cancel = clock.after(30_000, () => fired.push('cancelled'))
  cancel()
  await clock.jump(59_000)
  expect(fired).toEqual([])
  await clock.jump(1_001)
  expect(fired).toEqual(['late'])
})
