// First: it sets what gRPC reads when it is loaded.
import { PLACE, startLocalRun } from './local-run.ts'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bucketName, runFirstCallsPath } from '../../src/contracts/names.ts'
import { deleteObject, listObjects } from '../../src/google/storage/storage.ts'
import { claimFirstCalls, firstCallsState, noteFirstAnswer } from '../../src/run-data/first-calls.ts'
import { RUN_ID } from './fixtures.ts'
import { geminiSpec } from './gemini-fixtures.ts'

let run: Awaited<ReturnType<typeof startLocalRun>>

beforeAll(async () => {
  run = await startLocalRun({ units: 1 })
})
afterAll(() => run.stop())

test('one instance makes the first calls, its answer is noted once, and nothing is written after a teardown', async () => {
  const { spec } = run
  expect(await firstCallsState(spec)).toBe('unclaimed')
  const claims = await Promise.all([claimFirstCalls(spec), claimFirstCalls(spec), claimFirstCalls(spec)])
  expect(claims.filter(Boolean)).toEqual([true])
  expect(await firstCallsState(spec)).toBe('claimed')
  await Promise.all([noteFirstAnswer(spec), noteFirstAnswer(spec)])
  expect(await firstCallsState(spec)).toBe('answered')
  expect(await claimFirstCalls(spec)).toBe(false)
  // A retry with another model is another question.
  const retry = { ...spec, gemini: geminiSpec({ model: 'gemini-2.5-pro' }).gemini }
  expect(await firstCallsState(retry)).toBe('answered otherwise')
  await noteFirstAnswer(retry)
  expect([await firstCallsState(retry), await firstCallsState(spec)]).toEqual(['answered', 'answered otherwise'])

  const path = runFirstCallsPath(RUN_ID)
  await deleteObject(`gs://${bucketName(PLACE)}/${path}`)
  await noteFirstAnswer(spec)
  expect(await listObjects(bucketName(PLACE), path)).toEqual([])
  expect(await firstCallsState(spec)).toBe('unclaimed')
})
