import { request, type ClientRequest } from 'node:http'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/kernel/clock.ts'
import { startLocalCloud, type LocalCloud } from '../../src/host/local-cloud.ts'
import { createAccount, iamClients } from '../iam/iam-fixture.ts'
import { admin, callApi, LocalClouds, stateOf } from './local-cloud-fixture.ts'

const clouds = new LocalClouds()

/** Holds a lease as the CLI does; destroying the request simulates its death. */
function lease({ locator }: LocalCloud): Promise<ClientRequest> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${locator.adminToken}` }
    const held = request(`${locator.http}/_imagery/lease`, { headers }, (answer) => {
      answer.on('error', () => undefined)
      answer.once('data', () => resolve(held))
    })
    held.on('error', reject)
    held.end()
  })
}

async function leases(cloud: LocalCloud): Promise<number> {
  return (await stateOf(cloud)).leases
}

async function untilLeases(cloud: LocalCloud, count: number): Promise<void> {
  while ((await leases(cloud)) !== count);
}

describe('the admin endpoints', () => {
  it.each([
    ['GET', 'health'],
    ['GET', 'state'],
    ['GET', 'lease'],
    ['PUT', 'faults'],
    ['POST', 'shutdown'],
  ])('refuse %s %s without the token of the locator file', async (method, route) => {
    const cloud = await clouds.start()
    for (const headers of [{}, { authorization: 'Bearer guess' }]) {
      const answer = await fetch(`${cloud.locator.http}/_imagery/${route}`, { method, headers })
      expect(answer.status).toBe(403)
      await answer.text()
    }
    expect((await admin(cloud, 'GET', 'health')).status).toBe(200)
  })

  it('stop the local cloud', async () => {
    const cloud = await clouds.start()
    expect((await admin(cloud, 'POST', 'shutdown')).status).toBe(202)
    await cloud.stopped
    await expect(fetch(cloud.locator.http)).rejects.toThrow()
  })
})

describe('scripted faults', () => {
  it('are set, listed with their counts, and replaced', async () => {
    const cloud = await clouds.start()
    const rule = {
      method: 'storage.buckets.*',
      nth: 2,
      effect: { kind: 'error', status: 'UNAVAILABLE', retryAfterS: 3 },
    }
    expect((await admin(cloud, 'PUT', 'faults', [rule])).status).toBe(200)
    const answers = []
    for (let call = 0; call < 3; call++) answers.push(await callApi(cloud, '/storage/v1/b?project=imagery-local'))
    expect(answers.map(({ status }) => status)).toEqual([200, 503, 200])
    expect(answers[1]?.headers.get('retry-after')).toBe('3')
    expect((await stateOf(cloud)).faults).toMatchObject([{ rule, matched: 3, applied: 1 }])
    await admin(cloud, 'PUT', 'faults', [])
    expect((await admin(cloud, 'GET', 'faults')).body).toEqual([])
  })

  it('are refused with the reason, and the old ones stay', async () => {
    const cloud = await clouds.start({ faults: [{ method: 'x', effect: { kind: 'drop' } }] })
    const { status, body } = await admin(cloud, 'PUT', 'faults', [{ method: 'x', effect: { kind: 'explode' } }])
    expect([status, body]).toMatchObject([400, { error: { message: expect.stringContaining('[0].effect') as string } }])
    expect((await admin(cloud, 'GET', 'faults')).body).toHaveLength(1)
  })

  it('can come from a file; an invalid file keeps the local cloud from starting', async () => {
    const faultsFile = path.join(clouds.directory, 'faults.json')
    writeFileSync(faultsFile, '[{"method": "storage.*"}]')
    await expect(startLocalCloud({ dataDir: clouds.directory, faultsFile })).rejects.toMatchObject({
      code: 'INVALID_FAULTS',
      message: expect.stringContaining(faultsFile),
    })
    writeFileSync(faultsFile, '[{"method": "storage.*", "effect": {"kind": "drop"}}]')
    const cloud = await clouds.start({ faultsFile })
    await expect(callApi(cloud, '/storage/v1/b?project=imagery-local')).rejects.toThrow()
  })
})

describe('a local cloud that stops when idle', () => {
  it('stops one second after its last lease ends, however it ended', async () => {
    const clock = new ManualClock(Date.now())
    const cloud = await clouds.start({ clock, stopWhenIdle: true })
    const first = await lease(cloud)
    const second = await lease(cloud)
    await clock.advance(60_000)
    expect(await leases(cloud)).toBe(2)
    first.destroy()
    await untilLeases(cloud, 1)
    await clock.advance(60_000)
    expect(await leases(cloud)).toBe(1)
    second.destroy()
    await untilLeases(cloud, 0)
    await clock.advance(999)
    expect((await admin(cloud, 'GET', 'health')).status).toBe(200)
    await clock.advance(1)
    await cloud.stopped
  })

  it('keeps running when a new lease is taken within the second', async () => {
    const clock = new ManualClock(Date.now())
    const cloud = await clouds.start({ clock, stopWhenIdle: true })
    ;(await lease(cloud)).destroy()
    await untilLeases(cloud, 0)
    await clock.advance(900)
    await lease(cloud)
    await clock.advance(60_000)
    expect(await leases(cloud)).toBe(1)
  })

  it('stops after 15 seconds if no lease is taken', async () => {
    const clock = new ManualClock(Date.now())
    const cloud = await clouds.start({ clock, stopWhenIdle: true })
    await clock.advance(14_999)
    expect((await admin(cloud, 'GET', 'health')).status).toBe(200)
    await clock.advance(1)
    await cloud.stopped
  })

  it('ends all leases when it is stopped', async () => {
    const cloud = await clouds.start({ stopWhenIdle: true })
    const held = await lease(cloud)
    const closed = new Promise((resolve) => held.once('close', resolve))
    await cloud.stop()
    await closed
    expect(held.destroyed).toBe(true)
  })
})

describe('acting as another account', () => {
  it('uses a separate metadata server, which is started once', async () => {
    const cloud = await clouds.start()
    const email = await createAccount(await iamClients(cloud), 'imagery-runtime')
    const first = await admin(cloud, 'GET', `account?email=${email}`)
    expect(first).toMatchObject({ status: 200, body: { metadataHost: expect.stringMatching(/^127\.0\.0\.1:\d+$/) } })
    expect(await admin(cloud, 'GET', `account?email=${email}`)).toEqual(first)
    const { metadataHost } = first.body as { metadataHost: string }
    const asked = await fetch(`http://${metadataHost}/computeMetadata/v1/instance/service-accounts/default/email`, {
      headers: { 'Metadata-Flavor': 'Google' },
    })
    expect(await asked.text()).toBe(email)
  })

  it('is refused if the account does not exist', async () => {
    const cloud = await clouds.start()
    expect(await admin(cloud, 'GET', 'account?email=nobody@imagery-local.iam.gserviceaccount.com')).toMatchObject({
      status: 404,
    })
  })
})
