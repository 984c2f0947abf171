import { Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { ownUrl, type OwnUrlRules } from '../../src/runtime/heartbeat/own-url.ts'

const ON_CLOUD_RUN: OwnUrlRules = { service: 'imagery-main', region: 'us-central1', audiences: undefined }
const OWN = 'https://imagery-main-123456789012.us-central1.run.app'

/** A token as Cloud Run passes it on, without its signature. */
const token = (aud: unknown): string =>
  `Bearer e30.${Buffer.from(JSON.stringify({ aud })).toString('base64url')}.SIGNATURE_REMOVED_BY_GOOGLE`

async function urlOf(headers: Record<string, string>, rules: OwnUrlRules = ON_CLOUD_RUN): Promise<string> {
  const app = new Hono()
  app.get('/', (context) => context.text(ownUrl(context, rules) ?? 'unknown'))
  return (await app.request('/', { headers })).text()
}

describe("the service's own URL, to which it sends tasks with the invoker's token", () => {
  test.each([OWN, `${OWN}/`, 'https://imagery-main-a1b2c3d4e5-uc.a.run.app'])(
    'is the audience %s',
    async (audience) => {
      expect(await urlOf({ authorization: token(audience) })).toBe(audience.replace(/\/$/, ''))
    },
  )

  test('is not what the caller writes into Host', async () => {
    const headers = { host: 'evil.example.com', 'x-forwarded-host': 'evil.example.com' }
    expect(await urlOf(headers)).toBe('unknown')
    expect(await urlOf({ ...headers, authorization: token(OWN) })).toBe(OWN)
  })

  test.each([
    'https://evil.example.com',
    'https://imagery-main.evil.example.com',
    'https://imagery-main-1.us-central1.run.app.evil.example.com',
    'https://imagery-main-1.us-central1.run.app@evil.example.com',
    'https://imagery-main-1.europe-west1.run.app',
    'https://imagery-populate-1.us-central1.run.app',
    'http://imagery-main-1.us-central1.run.app',
    'https://imagery-main-1.us-central1.run.app:444',
    '32555940559.apps.googleusercontent.com',
    ['https://imagery-main-1.us-central1.run.app'],
    null,
  ])('is not the audience %s', async (audience) => {
    expect(await urlOf({ authorization: token(audience) })).toBe('unknown')
  })

  test.each(['', 'Bearer', 'Bearer x', 'Bearer a.b.c', 'Basic dXNlcjpwYXNz'])(
    'is unknown without a token: "%s"',
    async (header) => {
      expect(await urlOf({ authorization: header })).toBe('unknown')
    },
  )

  // https://cloud.google.com/run/docs/authenticating/service-to-service
  test('comes from the token that Cloud Run has checked, if there are two', async () => {
    const headers = { authorization: token(OWN), 'x-serverless-authorization': token('https://evil.example.com') }
    expect(await urlOf(headers)).toBe('unknown')
  })

  test('is one of the audiences that the service itself checks, if it does', async () => {
    const rules = { ...ON_CLOUD_RUN, audiences: ['https://imagery.example.com'] }
    expect(await urlOf({ authorization: token('https://imagery.example.com') }, rules)).toBe(
      'https://imagery.example.com',
    )
    expect(await urlOf({ authorization: token(OWN) }, rules)).toBe('unknown')
  })

  // https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks#HttpRequest
  test('is not an address without TLS, to which Cloud Tasks sends no token', async () => {
    const rules = { ...ON_CLOUD_RUN, audiences: ['http://127.0.0.1:8080'] }
    expect(await urlOf({ authorization: token('http://127.0.0.1:8080') }, rules)).toBe('unknown')
  })
})
