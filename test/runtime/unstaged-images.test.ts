import { describe, expect, test } from 'vitest'
import { unstagedReasonPath } from '../../src/contracts/names.ts'
import { CloudError } from '../../src/google/transport/errors.ts'
import { UnreadableImage } from '../../src/runtime/models/model.ts'
import { explainUnstaged } from '../../src/runtime/unstaged-images.ts'

const RUN = '261123-9f3c1a7b'
const IMAGE = `gs://own/runs/${RUN}/images/../secret.jpg`

/** A bucket of texts, and the requested names. */
function bucket(objects: Record<string, string>) {
  const asked: string[] = []
  const readObject = async (uri: string): Promise<Buffer> => {
    asked.push(uri)
    if (objects[uri] === undefined) throw new CloudError('NOT_FOUND', `No such object: ${uri}`)
    return Buffer.from(objects[uri])
  }
  return { asked, read: explainUnstaged({ readObject, bucket: 'own' })(readObject) }
}

const reasonOf = (uri: string): string => `gs://own/${unstagedReasonPath(RUN, uri)}`

describe('a missing image', () => {
  test('has the reason recorded by the command line', async () => {
    const { read } = bucket({ [reasonOf(IMAGE)]: 'lies outside' })
    await expect(read(IMAGE)).rejects.toThrow(new UnreadableImage(IMAGE, 'lies outside'))
  })

  test('is only reported missing if no reason was recorded', async () => {
    const { read } = bucket({})
    await expect(read(IMAGE)).rejects.toMatchObject({ status: 'NOT_FOUND', message: `No such object: ${IMAGE}` })
  })

  test('is reported missing if the reason cannot be read', async () => {
    const missing = (): Promise<Buffer> => Promise.reject(new CloudError('NOT_FOUND', 'missing'))
    const busy = (): Promise<Buffer> => Promise.reject(new CloudError('UNAVAILABLE', 'busy'))
    const read = explainUnstaged({ readObject: busy, bucket: 'own' })(missing)
    await expect(read(IMAGE)).rejects.toMatchObject({ status: 'UNAVAILABLE' })
  })

  test('has a reason of bounded length', async () => {
    const { read } = bucket({ [reasonOf(IMAGE)]: 'x'.repeat(10_000) })
    await expect(read(IMAGE)).rejects.toSatisfy((error: Error) => error.message.length < 1_000)
  })

  test.each([
    `gs://other/runs/${RUN}/images/a.jpg`,
    `gs://own/runs/${RUN}/run.json`,
    'gs://own/runs/no-run/images/a.jpg',
    'gs://own/images/a.jpg',
  ])('in another place is not looked up twice: %s', async (uri) => {
    const { asked, read } = bucket({ [reasonOf(uri)]: 'lies outside' })
    await expect(read(uri)).rejects.toMatchObject({ status: 'NOT_FOUND' })
    expect(asked).toEqual([uri])
  })
})

test('an existing image is read once, even if a reason was recorded before', async () => {
  const { asked, read } = bucket({ [IMAGE]: 'image', [reasonOf(IMAGE)]: 'did not exist' })
  expect(String(await read(IMAGE))).toBe('image')
  expect(asked).toEqual([IMAGE])
})
