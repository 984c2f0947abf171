import { describe, expect, test } from 'vitest'
import { ManualClock } from '@imagery/local-cloud/internal/kernel/clock'
import { CloudError } from '../../src/google/transport/errors.ts'
import { RunNotFound, RunSpecs } from '../../src/runtime/run-specs.ts'
import { BUCKET, deferred, fakeSpecs, RUN_ID, SPEC } from './fixtures.ts'

describe('run specs', () => {
  test('are read once for any number of simultaneous requests', async () => {
    const { specs, reads } = fakeSpecs()
    const [first, second] = await Promise.all([specs.get(RUN_ID), specs.get(RUN_ID)])
    expect(first).toEqual(SPEC)
    expect(second).toBe(first)
    await specs.get(RUN_ID)
    expect(reads).toEqual([`gs://${BUCKET}/runs/${RUN_ID}/run.json`])
  })

  test('that are missing are read again', async () => {
    const known = new Map<string, typeof SPEC>()
    const { specs, reads } = fakeSpecs(known)
    await expect(specs.get(RUN_ID)).rejects.toBeInstanceOf(RunNotFound)
    known.set(RUN_ID, SPEC)
    await expect(specs.get(RUN_ID)).resolves.toEqual(SPEC)
    expect(reads).toHaveLength(2)
  })

  test('are read again after a while, and are gone when their run is torn down', async () => {
    const known = new Map([[RUN_ID, SPEC]])
    const { specs, reads, clock } = fakeSpecs(known)
    const first = await specs.get(RUN_ID)
    await clock.advance(4_000)
    expect(await specs.get(RUN_ID), 'the same object: its model is kept').toBe(first)
    known.delete(RUN_ID)
    await specs.get(RUN_ID)
    expect(reads).toHaveLength(2)
    await clock.advance(4_000)
    await expect(specs.get(RUN_ID)).rejects.toBeInstanceOf(RunNotFound)
  })

  test('stay unchanged while the bucket does not answer', async () => {
    const clock = new ManualClock()
    let isDown = false
    const specs = new RunSpecs({
      check: () => {},
      bucket: BUCKET,
      clock,
      readObject: async () => {
        if (isDown) throw new CloudError('UNAVAILABLE', 'down')
        return Buffer.from(JSON.stringify(SPEC))
      },
    })
    const first = await specs.get(RUN_ID)
    isDown = true
    await clock.advance(4_000)
    expect(await specs.get(RUN_ID)).toBe(first)
  })

  test('that could not be read are read again', async () => {
    let reads = 0
    const specs = new RunSpecs({
      check: () => {},
      bucket: BUCKET,
      async readObject() {
        reads += 1
        if (reads === 1) throw new CloudError('UNAVAILABLE', 'down')
        return Buffer.from(JSON.stringify(SPEC))
      },
    })
    await expect(specs.get(RUN_ID)).rejects.toThrow('down')
    await expect(specs.get(RUN_ID)).resolves.toEqual(SPEC)
  })

  test('are dropped, the oldest first, when there are too many', async () => {
    const ids = ['261123-00000001', '261123-00000002', '261123-00000003']
    const reads: string[] = []
    const specs = new RunSpecs({
      check: () => {},
      bucket: BUCKET,
      capacity: 2,
      async readObject(uri) {
        const id = uri.split('/')[4] ?? ''
        reads.push(id)
        return Buffer.from(JSON.stringify({ ...SPEC, run_id: id }))
      },
    })
    for (const id of ids) await specs.get(id)
    await specs.get('261123-00000003')
    await specs.get('261123-00000001')
    expect(reads).toEqual([...ids, '261123-00000001'])
  })

  test('an older read that fails does not drop a newer one', async () => {
    const answers = [deferred<Buffer>(), deferred<Buffer>()]
    let reads = 0
    const specs = new RunSpecs({ bucket: BUCKET, check: () => {}, readObject: () => answers[reads++]!.promise })
    const older = specs.get(RUN_ID)
    const newer = specs.refresh(RUN_ID)
    answers[0]?.reject(new CloudError('UNAVAILABLE', 'down'))
    await expect(older).rejects.toThrow('down')
    answers[1]?.resolve(Buffer.from(JSON.stringify(SPEC)))
    await newer
    await specs.get(RUN_ID)
    expect(reads).toBe(2)
  })
})
