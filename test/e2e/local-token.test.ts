import { readFileSync } from 'node:fs'
import path from 'node:path'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { enableServices } from './enable-services.ts'

let user: ImageryUser
let origin: string
beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  const locator = JSON.parse(readFileSync(path.join(user.dataDirectory, 'local-cloud.json'), 'utf8')) as {
    http: string
  }
  origin = locator.http
  await enableServices(origin, (await user.run(['local', 'token'])).stdout.trim(), ['iam', 'pubsub'])
})
afterAll(() => user.leave())

test('`local token` prints an access token that the local cloud accepts, and nothing else', async () => {
  const { exitCode, stdout, stderr } = await user.run(['local', 'token'])
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toMatch(/^\S+\n$/)
  const ask = (token: string) =>
    fetch(`${origin}/v1/projects/imagery-local/topics`, { headers: { authorization: `Bearer ${token}` } })
  expect((await ask(stdout.trim())).status).toBe(200)
  expect((await ask(`${stdout.trim()}x`)).status).toBe(401)
})

test('`local token --identity` prints an identity token for the audience', async () => {
  const { stdout } = await user.run(['local', 'token', '--identity', 'https://example.com', '--json'])
  const { token } = JSON.parse(stdout) as { token: string }
  expect(decodeJwt(token)).toMatchObject({
    aud: 'https://example.com',
    email: 'operator@imagery-local.iam.gserviceaccount.com',
  })
})

test('`local token --account` prints a token for another account', async () => {
  const operator = (await user.run(['local', 'token'])).stdout.trim()
  const created = await fetch(`${origin}/v1/projects/imagery-local/serviceAccounts`, {
    method: 'POST',
    headers: { authorization: `Bearer ${operator}` },
    body: JSON.stringify({ accountId: 'somebody' }),
  })
  expect(created.status).toBe(200)
  const email = 'somebody@imagery-local.iam.gserviceaccount.com'
  const { stdout } = await user.run(['local', 'token', '--account', email, '--identity', 'https://example.com'])
  expect(decodeJwt(stdout.trim())).toMatchObject({ email })
})

test('`local token` for a missing account names it', async () => {
  const outcome = await user.run(['local', 'token', '--account', 'nobody@example.com', '--json'])
  expect(outcome.exitCode).not.toBe(0)
  expect(outcome.error().message).toContain('--account nobody@example.com')
})

test('`local token` without a local cloud says how to start one', async () => {
  const none = path.join(user.folder, 'none')
  const outcome = await user.run(['local', 'token', '--json', '--data-dir', none])
  expect(outcome.error()).toMatchObject({
    code: 'LOCAL_CLOUD_NOT_RUNNING',
    suggestions: [`imagery local start --data-dir ${none}`],
  })
})
