import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalCloud, type LocalCloud } from '../../src/host/local-cloud.ts'
import { connectionOwner } from '../../src/kernel/connection-owner.ts'
import { NO_OTHER_USER, OTHER_USER, otherUser, type OtherUser } from './other-user-fixture.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { admin } from './local-cloud-fixture.ts'

let folder: string
let cloud: LocalCloud
let other: OtherUser

beforeAll(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-cloud-'))
  cloud = await startLocalCloud({ dataDir: folder })
  if (NO_OTHER_USER === '') other = otherUser()
})

afterAll(async () => {
  await cloud.stop()
  other?.leave()
  rmSync(folder, { recursive: true, force: true })
})

/** Asks for the token of `input` over a connection of each kind, and prints each answer's status and text. */
const ASK = `
import { connect } from 'node:net'
const [host, port] = input.split(':')
const path = '/computeMetadata/v1/instance/service-accounts/default/token'
const text = ['GET ' + path + ' HTTP/1.1', 'Host: ' + input, 'Metadata-Flavor: Google', 'Connection: close', '', ''].join('\\r\\n')
const ask = (options) => new Promise((resolve) => {
  const socket = connect({ port, ...options }, () => socket.write(text))
  let answer = ''
  socket.on('data', (chunk) => (answer += chunk))
  socket.on('error', (error) => resolve(String(error)))
  socket.on('end', () => { socket.destroy(); resolve(answer) })
})
console.log(JSON.stringify({
  IPv4: await ask({ host }),
  'IPv4 in an IPv6 socket': await ask({ host: '::ffff:' + host }),
  'another address of the machine': await ask({ host, localAddress: '127.0.0.77' }),
}))`

/** By kind of connection: the status, and whether there is a token in the answer. */
function verdicts(answers: unknown): Record<string, [number, boolean]> {
  return Object.fromEntries(
    Object.entries(answers as Record<string, string>).map(([kind, answer]) => [
      kind,
      [Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1]), answer.includes('access_token')],
    ]),
  )
}

const forEveryKind = (verdict: [number, boolean]) => ({
  IPv4: verdict,
  'IPv4 in an IPv6 socket': verdict,
  'another address of the machine': verdict,
})

describe(`a metadata server and another user of the machine${NO_OTHER_USER}`, () => {
  it('gives that user no token over any kind of connection', async () => {
    if (NO_OTHER_USER) return expect(await ownToken()).toBe(200)
    const answers = await other.run(ASK, cloud.locator.metadataHost)
    expect(verdicts(answers)).toEqual(forEveryKind([403, false]))
    expect(answers).toMatchObject({ IPv4: expect.stringContaining('another user of the machine') })
    expect(await ownToken()).toBe(200)
  })

  it('admits one other user named by the owner, for that account only', async () => {
    const { projectId } = cloud.locator
    const route = `account?email=operator@${projectId}.iam.gserviceaccount.com`
    const shared = (await admin(cloud, 'GET', route)).body as { metadataHost: string }
    const opened = (await admin(cloud, 'GET', `${route}&user=${OTHER_USER}`)).body as { metadataHost: string }
    const another = (await admin(cloud, 'GET', `${route}&user=${OTHER_USER - 1}`)).body as { metadataHost: string }
    expect(shared.metadataHost).toBe(cloud.locator.metadataHost)
    expect(new Set([shared.metadataHost, opened.metadataHost, another.metadataHost]).size).toBe(3)
    if (NO_OTHER_USER) return
    expect(verdicts(await other.run(ASK, opened.metadataHost))).toEqual(forEveryKind([200, true]))
    expect(verdicts(await other.run(ASK, another.metadataHost))).toEqual(forEveryKind([403, false]))
    expect(verdicts(await other.run(ASK, shared.metadataHost))).toEqual(forEveryKind([403, false]))
  })

  it.each(['-1', 'root', '4294967295', ''])('cannot be opened to a user %j', async (user) => {
    const route = `account?email=operator@${cloud.locator.projectId}.iam.gserviceaccount.com&user=${user}`
    expect((await admin(cloud, 'GET', route)).status).toBe(400)
  })
})

async function ownToken(): Promise<number> {
  const url = `http://${cloud.locator.metadataHost}/computeMetadata/v1/instance/service-accounts/default/token`
  return (await fetch(url, { headers: { 'Metadata-Flavor': 'Google' } })).status
}

describe('the owner of a connection', () => {
  async function pair(): Promise<{ client: Socket; accepted: Socket; end: () => void }> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    const [[accepted]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
      [Socket],
      unknown,
    ]
    accepted.on('error', () => undefined)
    const end = (): void => {
      client.destroy()
      accepted.destroy()
      server.close()
    }
    return { client, accepted, end }
  }

  // Other systems show none, as expected.
  const own = process.platform === 'linux' ? process.getuid?.() : undefined

  it('is known while the connection is open', async () => {
    const { accepted, end } = await pair()
    expect(await connectionOwner(accepted)).toBe(own)
    end()
  })

  it('is unknown once the other end is closed, because the kernel then reports root', async () => {
    const { client, accepted, end } = await pair()
    const { localAddress, localPort, remoteAddress, remotePort } = accepted
    client.destroy()
    await once(client, 'close')
    expect(await connectionOwner({ localAddress, localPort, remoteAddress, remotePort })).toBe(undefined)
    end()
  })

  it("is not read from this process's own end", async () => {
    const { client, end } = await pair()
    // As if the server had connected to the client.
    expect(await connectionOwner({ ...ends(client), remotePort: 1 })).toBe(undefined)
    end()
  })
})

function ends({ localAddress, localPort, remoteAddress }: Socket) {
  return { localAddress, localPort, remoteAddress }
}
