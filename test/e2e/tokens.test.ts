import { generateKeyPairSync } from 'node:crypto'
import { request } from 'node:http'
import path from 'node:path'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bucketName, preparationPath } from '../../src/contracts/names.ts'
import { newUser, ROOT, type ImageryUser } from '../cli/imagery-process.ts'
import { runReport } from './documents.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'
import {
  listeningAddresses,
  outerAddresses,
  servicePort,
  takesConnections,
} from '@imagery/local-cloud/test/cloud-run/service-ports-fixture'
import { freePort, startByHand, type ServiceByHand } from './services-by-hand.ts'
import { tokenSigner, type TokenSigner } from './token-signer.ts'

const SAMPLE = path.join(ROOT, 'samples', 'street-signs', 'observations.jsonl')
const RUNTIME = path.join(ROOT, 'dist', 'runtime')

/** A request's path to a service, and the audience its token needs. */
interface Door {
  send(route: string, body: object, token: string | undefined, special?: Special): Promise<Answer>
  audience: string
}

interface Answer {
  status: number
  text: string
}

/** What is special about a request. */
interface Special {
  host?: string
  contentType?: string | undefined
  authorization?: string | string[]
  headers?: Record<string, string>
}

const SERVICES = ['main', 'populate'] as const
type Service = (typeof SERVICES)[number]

let user: ImageryUser
let cloud: OfficialClients
let runId: string
let attemptsTable: string
let signer: TokenSigner
let invoker: string
const DOORS = ['front door', 'own check', 'own port'] as const
const doors = {} as Record<(typeof DOORS)[number], Record<Service, Door>>
const ports = {} as Record<Service, number>
const byHand: ServiceByHand[] = []

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  const report = await user.run([
    'run',
    '--local',
    '--table',
    SAMPLE,
    '--profile',
    'resolution',
    '--limit',
    '2',
    '--json',
  ])
  ;({ run_id: runId, attempts_table: attemptsTable } = runReport.parse(report.json()))
  cloud = await officialClients(user.dataDirectory)
  await keepFromEnding()
  const { http, projectId, projectNumber, region } = cloud.locator
  invoker = `imagery-invoker@${projectId}.iam.gserviceaccount.com`
  signer = await tokenSigner(user.dataDirectory, http, invoker)
  const behindFrontDoor = (service: Service): Door => {
    const host = `imagery-${service}-${projectNumber}.${region}.run.app`
    return { audience: `https://${host}`, send: (...call) => send(http, host, ...call) }
  }
  doors['front door'] = { main: behindFrontDoor('main'), populate: behindFrontDoor('populate') }
  // The ports on which the local Cloud Run started them: only its front door has a reason to call there.
  const atOwnPort = (service: Service): Door => {
    ports[service] = servicePort(user.dataDirectory, `imagery-${service}`)
    const host = `127.0.0.1:${ports[service]}`
    return { audience: doors['front door'][service].audience, send: (...call) => send(`http://${host}`, host, ...call) }
  }
  doors['own port'] = { main: atOwnPort('main'), populate: atOwnPort('populate') }
  doors['own check'] = { main: await startChecking('main'), populate: await startChecking('populate') }
})

afterAll(async () => {
  await Promise.all(byHand.map((service) => service.stop()))
  await user.leave()
})

/** A heartbeat would delete what the complete run no longer needs, unless a command prepares more tasks of it. */
async function keepFromEnding(): Promise<void> {
  const { projectId, region } = cloud.locator
  const preparing = cloud.storage.bucket(bucketName({ projectId, region })).file(preparationPath(runId))
  await preparing.save(JSON.stringify({ v: 1, run_id: runId, at: new Date().toISOString() }), {
    resumable: false,
  })
}

/** A service outside Cloud Run, which checks tokens itself. */
async function startChecking(service: Service): Promise<Door> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const { projectId, region, metadataHost } = cloud.locator
  const environment = {
    IMAGERY_PROJECT: projectId,
    IMAGERY_REGION: region,
    IMAGERY_BUCKET: `imagery-${projectId}-${region}`,
    IMAGERY_MAIN_URL: doors['front door'].main.audience,
    IMAGERY_INVOKER: invoker,
    IMAGERY_CHECK_TOKENS: 'on',
    IMAGERY_TOKEN_AUDIENCES: url,
    IMAGERY_LOCAL_CLOUD: path.join(user.dataDirectory, 'local-cloud.json'),
    GCE_METADATA_HOST: metadataHost,
  }
  byHand.push(await startByHand({ command: [process.execPath, `${service}.js`], folder: RUNTIME, environment }, port))
  return { audience: url, send: (...call) => send(url, `127.0.0.1:${port}`, ...call) }
}

function send(
  base: string,
  host: string,
  route: string,
  body: object,
  token: string | undefined,
  special: Special = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { authorization = token === undefined ? undefined : `Bearer ${token}` } = special
    const { contentType } = { contentType: 'application/json', ...special }
    const headers = {
      host: special.host ?? host,
      ...(contentType === undefined ? {} : { 'content-type': contentType }),
      ...(authorization === undefined ? {} : { Authorization: authorization }),
      ...special.headers,
    }
    request(new URL(route, base), { method: 'POST', headers }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }))
    })
      .on('error', reject)
      .end(JSON.stringify(body))
  })
}

const token: TokenSigner['token'] = (claims) => signer.token(claims)

/** Claims of another account under the invoker's signature. */
async function tampered(audience: string): Promise<string> {
  const [head, claims = '', signature] = (await token({ audience, email: 'stranger@example.com' })).split('.')
  const changed = { ...(JSON.parse(Buffer.from(claims, 'base64url').toString()) as object), email: invoker }
  return [head, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.')
}

/** No signature at all, as "alg": "none" allows it. */
async function unsigned(audience: string): Promise<string> {
  const [, claims] = (await token({ audience })).split('.')
  return `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${claims}.`
}

/** An HMAC keyed with the public key, which a check that trusts the header would accept. */
function confused(audience: string): Promise<string> {
  return new SignJWT({ email: invoker, email_verified: true })
    .setProtectedHeader({ alg: 'HS256', kid: signer.keyId })
    .setIssuer('https://accounts.google.com')
    .setAudience(audience)
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(signer.publicKey))
}

const stranger = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey

const REFUSED: [title: string, make: (door: Door) => Promise<string | undefined>][] = [
  ['no token', async () => undefined],
  ['garbage', async () => 'garbage'],
  ['three parts of garbage', async () => 'a.b.c'],
  ['an expired token', ({ audience }) => token({ audience, lifeSeconds: -3_600 })],
  ['a token for another audience', () => token({ audience: 'https://imagery-other-1.us-central1.run.app' })],
  ['a token for a page of the service', ({ audience }) => token({ audience: `${audience}/process` })],
  ['a token of another signer', ({ audience }) => token({ audience, key: stranger })],
  ['a token of another issuer', ({ audience }) => token({ audience, issuer: 'https://issuer.example.com' })],
  ['a token whose claims were changed', ({ audience }) => tampered(audience)],
  ['an unsigned token', ({ audience }) => unsigned(audience)],
  ['a token signed with a secret', ({ audience }) => confused(audience)],
  ['the token of an account that is no invoker', ({ audience }) => token({ audience, email: 'stranger@example.com' })],
  ['a token that is issued in an hour', ({ audience }) => token({ audience, change: { iat: 3_600, exp: 7_200 } })],
  ['a token that is issued in six minutes', ({ audience }) => token({ audience, change: { iat: 360 } })],
  ['a token that is good from an hour on', ({ audience }) => token({ audience, change: { nbf: 3_500 } })],
  ['a token that does not say when it was issued', ({ audience }) => token({ audience, change: { iat: undefined } })],
  ['a token that never ends', ({ audience }) => token({ audience, change: { exp: undefined } })],
  ['a token that ends in a year', ({ audience }) => token({ audience, change: { exp: 31_536_000 } })],
  ['a token of an unverified address', ({ audience }) => token({ audience, verified: false })],
  ['a token that calls its address "true"', ({ audience }) => token({ audience, change: { email_verified: 'true' } })],
  ['a token without email_verified', ({ audience }) => token({ audience, change: { email_verified: undefined } })],
  ['a token without an address', ({ audience }) => token({ audience, change: { email: undefined } })],
  [
    'a token for two audiences',
    ({ audience }) => token({ audience, change: { aud: [audience, 'https://b.example'] } }),
  ],
  ['a token of an unknown key', ({ audience }) => token({ audience, header: { kid: 'unknown' } })],
  ['a token that names no key', ({ audience }) => token({ audience, header: { kid: undefined } })],
]

/** A request to every route with an effect, each of which would leave a trace. */
function requests(queue = runQueue()): Record<Service, [route: string, body: object][]> {
  const shard = { v: 1, run_id: runId, queue, bucket_from: 0, bucket_to: 1_999, generation: 9 }
  const data = Buffer.from(JSON.stringify(shard)).toString('base64')
  const task = { v: 1, run_id: runId, unit_id: 'u', asset_id: 'u', location: null, detection_time: null, bucket: 0 }
  const publishTime = new Date().toISOString()
  return {
    main: [
      ['/setup', { v: 1, run_id: runId }],
      ['/process', { ...task, observations: [], generation: 9 }],
      ['/teardown', { v: 1, run_id: runId }],
    ],
    populate: [['/', { message: { data, messageId: '1', publishTime }, subscription: 's' }]],
  }
}

/** The run's queue. */
function runQueue(): string {
  const { projectId, region } = cloud.locator
  return `projects/${projectId}/locations/${region}/queues/imagery-${runId}`
}

/** Everything that the requests could have changed. */
async function traces(): Promise<object> {
  const [rows] = await cloud.bigQuery.query(`SELECT COUNT(*) AS attempts FROM \`${attemptsTable}\``)
  const inventory = await cloud.inventory()
  return { rows, inventory: inventory.filter((name) => !/\/heartbeat(?:-\d+|\.json)$/.test(name)) }
}

/** Sends requests along several paths at once, and checks that none has an effect. */
async function expectNothingDone(calls: () => { title: string; answer: Promise<Answer>; statuses: number[] }[]) {
  const before = await traces()
  for (const { title, answer, statuses } of calls()) expect(statuses, title).toContain((await answer).status)
  expect(await traces()).toEqual(before)
}

test.each(REFUSED)('a service refuses %s on every path, and does nothing', (_title, make) =>
  expectNothingDone(() =>
    DOORS.flatMap((door) =>
      SERVICES.flatMap((service) =>
        requests()[service].map(([route, body]) => {
          const { send: sendThere } = doors[door][service]
          const answer = make(doors[door][service]).then((wrong) => sendThere(route, body, wrong))
          return { title: `${door}: ${service} ${route}`, answer, statuses: [401, 403] }
        }),
      ),
    ),
  ),
)

test("the service's own check says what is wrong, and never prints the token", async () => {
  const { main } = doors['own check']
  const expired = await token({ audience: main.audience, lifeSeconds: -3_600 })
  const answer = await main.send('/setup', { v: 1, run_id: runId }, expired)
  expect(JSON.parse(answer.text)).toEqual({
    error: { code: 'UNAUTHENTICATED', message: expect.stringMatching(/not valid: "exp" claim/) as string },
  })
  const unverified = await token({ audience: main.audience, verified: false })
  expect((await main.send('/setup', { v: 1, run_id: runId }, unverified)).status).toBe(403)
  const said = byHand.map((service) => service.output()).join('\n')
  expect(said).toContain('refused a call to /setup')
  expect(said).not.toMatch(/Bearer|eyJ|ya29/)
})

test("the service's own check leaves the health check open", async () => {
  for (const service of byHand) expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
})

test.each(DOORS)('two Authorization headers are refused by the %s, whichever comes first', async (door) => {
  for (const service of SERVICES) {
    const { audience, send: sendThere } = doors[door][service]
    const good = `Bearer ${await token({ audience })}`
    for (const authorization of [
      [good, 'Bearer garbage'],
      ['Bearer garbage', good],
    ]) {
      const [route, body] = requests()[service][0]!
      expect([401, 403]).toContain((await sendThere(route, body, undefined, { authorization })).status)
    }
  }
})

test.each<[title: string, special: Special, status: number]>([
  ['a name that leads here', { host: 'evil.example' }, 403],
  ['a name that leads here, with a port', { host: 'evil.example:8080' }, 403],
  ['a name that begins like one of this machine', { host: 'localhost.evil.example' }, 403],
  ['another service', { host: 'imagery-other-1.us-central1.run.app' }, 403],
  ['a form', { contentType: 'application/x-www-form-urlencoded' }, 415],
  ['plain text', { contentType: 'text/plain' }, 415],
  ['plain text that mentions JSON', { contentType: 'text/plain; application/json' }, 415],
  ['a body without a type', { contentType: undefined }, 415],
])("at a service's port the invoker is refused with %s, and nothing happens", (_title, special, status) =>
  expectNothingDone(() =>
    (['own check', 'own port'] as const).flatMap((door) =>
      SERVICES.map((service) => {
        const { audience, send: sendThere } = doors[door][service]
        const [route, body] = requests()[service].at(-1)!
        const answer = token({ audience }).then((good) => sendThere(route, body, good, special))
        return { title: `${door}: ${service} ${route}`, answer, statuses: [status] }
      }),
    ),
  ),
)

test.each(['own check', 'own port'] as const)('a guessed secret of the front door opens no %s', async (door) => {
  for (const secret of ['', 'x', 'é'.repeat(43), 'x'.repeat(43)]) {
    const headers = { 'x-imagery-front-door': secret }
    const answer = await doors[door].main.send('/setup', { v: 1, run_id: runId }, undefined, { headers })
    expect(answer.status).toBe(401)
  }
})

test('the services of the local Cloud Run answer only this machine', async () => {
  for (const service of SERVICES) {
    const port = ports[service]
    expect((await fetch(`http://localhost:${port}/healthz`)).status).toBe(200)
    expect(await takesConnections('127.0.0.1', port)).toBe(true)
    for (const address of outerAddresses()) expect(await takesConnections(address, port), address).toBe(false)
    if (process.platform === 'linux') expect(listeningAddresses(port)).toEqual(['0100007F'])
  }
})

test.each(DOORS)('the scheme of a token may be lowercase at the %s', async (door) => {
  const { audience, send: sendThere } = doors[door].main
  const special = { authorization: `bearer ${await token({ audience })}` }
  expect((await sendThere('/setup', { v: 1, run_id: runId }, undefined, special)).status).toBe(200)
})

test.each(DOORS.toReversed())('the invoker is admitted at the %s', async (door) => {
  const ask = async (service: Service, [route, body]: [string, object]): Promise<string> => {
    const { audience, send: sendThere } = doors[door][service]
    const answer = await sendThere(route, body, await token({ audience }))
    expect(answer, `${service} ${route}`).toMatchObject({ status: 200 })
    return answer.text
  }
  const { main } = requests()
  const { queues } = JSON.parse(await ask('main', main[0]!)) as { queues: string[] }
  expect(await ask('populate', requests(queues[0]).populate[0]!)).toContain('"outcome":"populated"')
  expect(await ask('main', main[1]!)).toContain('"outcome":"recorded"')
  const { queues_deleted: deleted } = JSON.parse(await ask('main', main[2]!)) as { queues_deleted: string[] }
  expect(deleted.filter((name) => !/-control(?:-\d+)?$/.test(name))).toEqual(queues)
})
