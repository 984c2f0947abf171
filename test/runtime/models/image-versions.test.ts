import { describe, expect, test } from 'vitest'
import { answererOf, questionHash } from '../../../src/contracts/question-hash.ts'
import { CloudError } from '../../../src/google/transport/errors.ts'
import { answeredRow } from '../../../src/runtime/ledger/attempt-row.ts'
import { ImageVersions } from '../../../src/runtime/models/image-versions.ts'
import { UnreadableImage } from '../../../src/runtime/models/model.ts'
import { ANSWER, SPEC, TASK } from '../fixtures.ts'
import { asset, deniedImage, scriptedGemini, STOP } from '../gemini-fixtures.ts'

const JPEG = Buffer.from('ffd8ffe000104a464946', 'hex')
const { signal } = new AbortController()

/** Reads with these answers of Cloud Storage. */
async function noted(stated: string | Error): Promise<string | undefined> {
  const versions = new ImageVersions()
  const read = versions.watching({
    readImage: async (_uri: string, _signal: AbortSignal) => JPEG,
    readRange: async (_uri: string, _first: number, _length: number, _signal: AbortSignal) => {
      if (stated instanceof Error) throw stated
      return { bytes: JPEG, size: JPEG.length, checksums: stated }
    },
  })
  await read.readImage('gs://b/1.jpg', signal).catch(() => undefined)
  return versions.noted.get('gs://b/1.jpg')
}

describe('the version of an image', () => {
  test('is the MD5 that Cloud Storage states, also for an image that is read whole', async () => {
    expect(await noted('crc32c=AAAAAA==,md5=CS9tHYTtyFntzj7B9nkkJQ==')).toBe('md5:CS9tHYTtyFntzj7B9nkkJQ==')
  })

  test('is the CRC32C and the size of a composite object, which has no MD5', async () => {
    expect(await noted('crc32c=AAAAAA==')).toBe(`crc32c:AAAAAA== ${JPEG.length}`)
  })

  test('says that there was none, but not for an image that imagery may not read', async () => {
    const missing = new UnreadableImage('gs://b/1.jpg', 'does not exist', { cause: new CloudError('NOT_FOUND', '') })
    expect(await noted(missing)).toBe('missing')
    expect(await noted(deniedImage('gs://b/1.jpg'))).toBeUndefined()
  })

  test('is part of an answer of Gemini, whose images imagery does not read', async () => {
    const objects = { 'gs://bucket/1.jpg': JPEG }
    const { imageVersions } = await scriptedGemini([STOP], { objects }).answer(asset(2))
    expect([...(imageVersions ?? [])]).toEqual([['gs://bucket/2.jpg', 'missing']])
  })
})

describe('a ledger row', () => {
  const attempt = {
    id: 'a',
    task: TASK,
    spec: SPEC,
    startedMs: 0,
    finishedMs: 1,
    answeredBy: answererOf(null, undefined),
  }

  test('has the question and all images of its unit, also one that no model saw', () => {
    const [first] = TASK.observations
    const second = { observation_id: 'o2', gcs_uri: 'gs://images/o2.jpg', capture_time: '2026-01-02T00:00:00Z' }
    const task = { ...TASK, observations: [...TASK.observations, second] }
    const imageVersions = new Map([[first!.gcs_uri, 'md5:x']])
    expect(answeredRow({ ...attempt, task }, { ...ANSWER, imageVersions })).toMatchObject({
      question_hash: questionHash(SPEC, answererOf(null, undefined)),
      input_images: [
        { observation_id: 'o1', gcs_uri: 'gs://images/o1.jpg', version: 'md5:x' },
        { observation_id: 'o2', gcs_uri: 'gs://images/o2.jpg', capture_time: '2026-01-02T00:00:00Z' },
      ],
    })
  })

  test('has neither when nothing says who answered, so that no later run takes its answer over', () => {
    const row = answeredRow({ ...attempt, answeredBy: undefined }, { ...ANSWER, imageVersions: new Map() })
    expect(row).not.toHaveProperty('question_hash')
    expect(row).not.toHaveProperty('input_images')
  })
})
