import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { InTurn } from '../../src/runtime/models/model.ts'
import { asset, scriptedGemini, STOP } from './gemini-fixtures.ts'

const JPEG = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3])
const OBJECTS = { 'gs://bucket/1.jpg': JPEG, 'gs://bucket/2.jpg': JPEG }

/** A turn that comes when the test says so. */
function turn() {
  let come: () => void = () => undefined
  let isRefused = false
  const came = new Promise<void>((resolve) => (come = resolve))
  const inTurn: InTurn = async (call) => {
    await came
    if (isRefused) throw new Error('stopped')
    return call()
  }
  const refuse = (): void => {
    isRefused = true
    come()
  }
  return { inTurn, come, refuse }
}

test('a unit looks at the first bytes of its images while it waits for its turn, and then asks at once', async () => {
  const { answer, requests, readInPart } = scriptedGemini([STOP], { objects: OBJECTS })
  const { inTurn, come } = turn()
  const heard: string[] = []
  const answering = answer(asset(2), { inTurn, onTurn: () => void heard.push('turn') })
  await setImmediate()
  expect(readInPart).toEqual(['gs://bucket/1.jpg', 'gs://bucket/2.jpg'])
  expect([heard, requests]).toEqual([[], []])
  come()
  expect((await answering).imageVersions?.size).toBe(0)
  expect(heard).toEqual(['turn'])
  expect(readInPart).toHaveLength(2)
  expect(requests).toHaveLength(1)
})

test('a look at the images that fails before the turn is repeated in it, and uses up no try', async () => {
  const { answer, requests, readInPart } = scriptedGemini([STOP], { objects: OBJECTS, failedReads: 1 })
  const { inTurn, come } = turn()
  const answering = answer(asset(), { inTurn })
  await setImmediate()
  expect([readInPart.length, requests.length]).toEqual([1, 0])
  come()
  await answering
  expect([readInPart.length, requests.length]).toEqual([2, 1])
})

test('an image that cannot be read fails its unit in its turn, not before', async () => {
  const { answer, requests } = scriptedGemini([], { objects: { 'gs://bucket/1.jpg': Buffer.from('no image') } })
  const { inTurn, come } = turn()
  let isOver = false
  const answering = answer(asset(), { inTurn }).finally(() => (isOver = true))
  answering.catch(() => undefined)
  await setImmediate()
  expect(isOver).toBe(false)
  come()
  await expect(answering).rejects.toMatchObject({ failure: 'unreadable_image' })
  expect(requests).toEqual([])
})

test('a unit whose run is stopped before its turn fails with that, whatever its images are', async () => {
  const { answer } = scriptedGemini([], { objects: { 'gs://bucket/1.jpg': Buffer.from('no image') } })
  const { inTurn, refuse } = turn()
  const answering = answer(asset(), { inTurn })
  answering.catch(() => undefined)
  await setImmediate()
  refuse()
  await expect(answering).rejects.toThrow('stopped')
})

test('inline images are read in their turn, so that waiting units hold no memory', async () => {
  const { answer, read, readInPart } = scriptedGemini([STOP], {
    objects: OBJECTS,
    gemini: { image_transport: 'inline' },
  })
  const { inTurn, come } = turn()
  const answering = answer(asset(), { inTurn })
  await setImmediate()
  expect([read, readInPart]).toEqual([[], []])
  come()
  await answering
  expect(read).toEqual(['gs://bucket/1.jpg'])
})
