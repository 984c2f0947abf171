import { expect, test } from 'vitest'
import { MOST_LOOKED_AT, objectVersions, versionsGiven } from '../../../src/services/run/replaced-objects.ts'

async function* uris(count: number, uri: (index: number) => string): AsyncGenerator<string> {
  for (let index = 0; index < count; index++) yield uri(index)
}
const { signal } = new AbortController()

test('an estimate does not look at very many images', async () => {
  const images = uris(MOST_LOOKED_AT + 1, (index) => `gs://photos/${index}.jpg`)
  expect(await objectVersions(images, signal)).toEqual({ kind: 'too many' })
})

test('what names no object has no version, and no one is asked about it', async () => {
  const images = uris(2, (index) => ['https://example.com/a.jpg', 'gs://'][index]!)
  expect(await objectVersions(images, signal)).toEqual({ kind: 'known', versions: new Map() })
})

test('versions are sent as one text, whatever the names', () => {
  const versions = new Map([
    ["gs://photos/it's \\ a \t name.jpg", 'md5:x'],
    ['gs://photos/b.jpg', 'crc32c:y/12'],
  ])
  const { query, parameters } = versionsGiven(versions)
  expect(parameters).toEqual({
    imagery_versions: "md5:x gs://photos/it's \\ a \t name.jpg\ncrc32c:y/12 gs://photos/b.jpg",
  })
  expect(query).toContain('@imagery_versions')
})
