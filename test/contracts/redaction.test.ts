import { describe, expect, test } from 'vitest'
import { ImageryError } from '../../src/contracts/errors.ts'
import { redacted, secretIn } from '../../src/contracts/redaction.ts'
import { cutText } from '../../src/runtime/row-size.ts'

/** URLs with the secret `hunter2` in every place where users put one. */
const URLS = [
  'https://user:hunter2@proxy.example.com/gemini',
  'https://hunter2@proxy.example.com',
  'https://:hunter2@proxy.example.com',
  'HTTPS://user:hunter2@proxy.example.com',
  'https:\\\\user:hunter2@proxy.example.com',
  'https://user:p%40hunter2@proxy.example.com',
  'https://user:p@hunter2@proxy.example.com',
  'https://user:p#hunter2@proxy.example.com',
  'https://user:p/hunter2@proxy.example.com',
  'https://user:p?hunter2@proxy.example.com',
  'https://user:8080hunter2@proxy.example.com:8443/x',
  'postgres://user:hunter2@db.example.com/city',
  'gs://user:hunter2@bucket/a.jpg',
  'https://proxy.example.com/?key=hunter2',
  'https://proxy.example.com/?a=b&API_KEY=hunter2',
  'https://proxy.example.com/?token=hunter2',
  'https://proxy.example.com/?access_token=hunter2#x',
  'https://proxy.example.com/#access_token=hunter2',
  'https://proxy.example.com/?client_secret=hunter2&b=c',
  'https://proxy.example.com/?password=hunter2',
  'https://account.blob.core.windows.net/images/a.jpg?sv=2022-11-02&sig=hunter2',
  'https://s3.amazonaws.com/images/a.jpg?X-Amz-Credential=me&X-Amz-Signature=hunter2',
  'https://storage.googleapis.com/images/a.jpg?X-Goog-Signature=hunter2',
]

describe.each(URLS)('the secret in %s', (url) => {
  test('is removed from a message, and the other words stay', () => {
    const shown = redacted(`cannot reach ${url} nor "${url}" it is refused`)
    expect(shown).not.toContain('hunter2')
    expect(shown).toMatch(/^cannot reach \S+ nor "\S+" it is refused$/)
  })

  test('is removed from an error and its suggestions', () => {
    const error = new ImageryError('INVALID_FLAG', `no: ${url}`, { suggestions: [`imagery run --table ${url}`] })
    expect(JSON.stringify([error.message, error.suggestions])).not.toContain('hunter2')
  })

  test("is found in a user's input", () => {
    expect(secretIn(url)).toMatch(/in a URL$/)
    expect(secretIn(`image_uri = '${url}'`)).toMatch(/in a URL$/)
  })
})

test.each([
  ['an access token', `token ya29.a0AfH6SMBx-local.c_d`],
  ['an API key', 'AIzaSyA-1234567890123456789012345678901'],
  ['a token', 'eyJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJodHRwcyJ9.c2lnbmF0dXJl-_'],
  ['a private key', '-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----'],
  ['a user name or password in a URL', 'https:user:hunter2@proxy.example.com'],
  ['a user name or password in a URL', 'https://user:p"hunter2@proxy.example.com'],
])("%s is found in a user's input", (what, text) => {
  expect(secretIn(text)).toBe(what)
})

test('a password in a truncated URL is removed too', () => {
  const url = `https://user:${'hunter2'.repeat(100)}@proxy.example.com`
  expect(redacted(cutText(url, 200))).toMatch(/^https:\/\/\[removed\]… \[\d+ characters cut by imagery\]$/)
})

test.each([
  'https://proxy.example.com:8443/v1/projects/p/serviceAccounts/imagery-main@p.iam.gserviceaccount.com',
  'http://127.0.0.1:8080/gemini?alt=json&pageToken=abc',
  'http://[::1]:8080/a@b',
  'https://HOST or https://HOST:PORT, and nothing after',
  'gs://street-images/a@2x.jpg',
  'serviceAccount:imagery-main@my-project.iam.gserviceaccount.com',
  'principal://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/city/subject/me@example.com',
  'me@example.com',
  'europe-docker.pkg.dev/my-project/imagery/imagery@sha256:0123',
  "image_uri LIKE 'gs://%.jpg' AND note != 'key=1' -- https://example.com/a?b=c",
  'Describe the basic condition of the pole; bearer structures count.',
  'my-project.city.signs',
  'C:\\images\\signs.jsonl',
])('harmless words are not a secret: %s', (text) => {
  expect(secretIn(text)).toBeUndefined()
  if (!text.startsWith('Describe')) expect(redacted(text)).toBe(text)
})

// CPU time, not clock time: a quadratic search takes minutes.
test('a long text is searched in one pass', () => {
  const before = process.cpuUsage().user
  for (const piece of ['a', 'a.', 'http://', 'https://a:b/', '?key', 'x:\\\\', '-----BEGIN '])
    redacted(piece.repeat(200_000 / piece.length))
  expect(process.cpuUsage().user - before).toBeLessThan(8_000_000)
})
