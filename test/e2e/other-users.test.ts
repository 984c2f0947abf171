import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findLocalCloud } from '../../src/services/local/cloud.ts'
import type { LocalCloudLocator } from '@imagery/local-cloud/contract/locator'
import { newUser, ROOT, type Environment, type ImageryUser } from '../cli/imagery-process.ts'
import { NO_OTHER_USER, otherUser, type OtherUser } from '@imagery/local-cloud/test/host/other-user-fixture'
import { runReport } from './documents.ts'
import { descendants, listeningPorts } from './listening-ports.ts'

const SAMPLE = path.join(ROOT, 'samples', 'street-signs', 'observations.jsonl')

/** Open to all users: only imagery itself can keep others out. */
let folder: string
let dataDirectory: string
let temporary: string
let configuration: string
let umask: number
let user: ImageryUser
let environment: Environment
let cloud: LocalCloudLocator
let runId: string
let other: OtherUser | undefined

beforeAll(async () => {
  umask = process.umask(0)
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-shared-'))
  chmodSync(folder, 0o755)
  dataDirectory = makeOpen('cloud', 0o777)
  temporary = makeOpen('tmp', 0o1777)
  makeOpen('config')
  configuration = makeOpen('config/imagery')
  writeFileSync(path.join(configuration, 'state.json'), '{}', { mode: 0o666 })
  // Not warm: the local cloud inherits the mask of this process.
  user = await newUser()
  makeOpen('cache')
  environment = {
    XDG_CACHE_HOME: path.join(folder, 'cache'),
    NODE_COMPILE_CACHE: undefined,
    IMAGERY_DATA_DIR: dataDirectory,
    TMPDIR: temporary,
    XDG_CONFIG_HOME: path.dirname(configuration),
    IMAGERY_ACCESS_LOG: path.join(folder, 'access.log'),
  }
  const started = await user.run(['local', 'start', '--detach'], environment)
  expect(started.exitCode, started.stderr).toBe(0)
  const line = ['run', '--local', '--table', SAMPLE, '--profile', 'resolution', '--limit', '2', '--json']
  const report = await user.run(line, environment)
  expect(report.exitCode, report.stdout).toBe(0)
  runId = runReport.parse(report.json()).run_id
  cloud = (await findLocalCloud(dataDirectory))!
  if (NO_OTHER_USER === '') other = otherUser()
})

afterAll(async () => {
  await user.run(['local', 'stop'], environment)
  await user.leave()
  other?.leave()
  rmSync(folder, { recursive: true, force: true })
  process.umask(umask)
})

function makeOpen(name: string, mode = 0o755): string {
  const made = path.join(folder, name)
  mkdirSync(made)
  chmodSync(made, mode)
  return made
}

/** A folder and its contents, without following links. */
function everything(directory: string): string[] {
  const entries = readdirSync(directory, { withFileTypes: true })
  return [
    directory,
    ...entries.flatMap((entry) => {
      const name = path.join(directory, entry.name)
      return entry.isDirectory() ? everything(name) : [name]
    }),
  ]
}

function isOpen(entry: string): boolean {
  // A process of the local cloud may have removed it in the meantime; a link has no mode of its own.
  const status = lstatSync(entry, { throwIfNoEntry: false })
  return status !== undefined && !status.isSymbolicLink() && (status.mode & 0o077) !== 0
}

/** Which of the files and folders in `input` can be read. */
const READ = `
import { readdirSync, readFileSync, statSync } from 'node:fs'
const canRead = (entry) => {
  try {
    if (statSync(entry).isDirectory()) readdirSync(entry)
    else readFileSync(entry)
    return true
  } catch {
    return false
  }
}
console.log(JSON.stringify(input.filter(canRead)))`

/** Sends the requests in `input` and prints their answers. */
const SEND = `
const answers = []
for (const { url, ...request } of input) {
  try {
    const answer = await fetch(url, { ...request, signal: AbortSignal.timeout(10_000) })
    answers.push({ url, status: answer.status, text: await answer.text() })
  } catch (error) {
    answers.push({ url, status: 0, text: String(error.cause ?? error) })
  }
}
console.log(JSON.stringify(answers))`

interface Request {
  url: string
  method?: string
  headers?: Record<string, string>
  body?: string
}

interface Answer {
  url: string
  status: number
  text: string
}

async function answersToOther(requests: readonly Request[]): Promise<Answer[]> {
  return (await other!.run(SEND, requests)) as Answer[]
}

describe.skipIf(process.platform === 'win32')(
  'with a permissive umask, and folders that were open (not on Windows)',
  () => {
    it('no file of imagery is open to other users', () => {
      const kept = [dataDirectory, configuration].flatMap(everything)
      expect(kept.length).toBeGreaterThan(50)
      expect([...kept, path.join(folder, 'access.log')].filter(isOpen)).toEqual([])
      expect(everything(temporary).slice(1).filter(isOpen)).toEqual([])
      // Node.js's compile cache is not secret, but its contents are executed, so others must not reach the folder.
      expect(readdirSync(path.join(folder, 'cache', 'imagery'))).toEqual(['compiled'])
      expect(isOpen(path.join(folder, 'cache', 'imagery'))).toBe(false)
    })

    it("a results file gets the mode of the user's umask", async () => {
      const file = path.join(folder, 'results.csv')
      const outcome = await user.run(['results', runId, '--local', '--format', 'csv', '-o', file], environment)
      expect(outcome.exitCode, outcome.stderr).toBe(0)
      expect(statSync(file).mode & 0o777).toBe(0o666)
    })
  },
)

describe(`another user of the machine${NO_OTHER_USER}`, () => {
  it('cannot read the data folder, the configuration or the access log', async () => {
    const secrets = [...[dataDirectory, configuration].flatMap(everything), path.join(folder, 'access.log')]
    expect(secrets).toContain(path.join(dataDirectory, 'local-cloud.json'))
    if (!other) return expect(secrets.filter(isOpen)).toEqual([])
    // It could if these were open.
    expect(await other.run(READ, [folder, ...secrets])).toEqual([folder])
  })

  it('gets no token from any port of the local cloud and its services', async () => {
    const route = '/computeMetadata/v1/instance/service-accounts/default'
    const ports = other ? listeningPorts(cloud.pid) : []
    const hosts = new Set([cloud.metadataHost, ...ports.map((port) => `127.0.0.1:${port}`)])
    const headers = { 'Metadata-Flavor': 'Google' }
    const token = { url: `http://${cloud.metadataHost}${route}/token`, headers }
    expect(await (await fetch(token.url, token)).json()).toHaveProperty('access_token')
    if (!other) return
    // REST, gRPC, the operator's metadata server, and one of the services' account.
    expect(hosts.size).toBeGreaterThanOrEqual(4)
    const requests = [...hosts].flatMap((host) =>
      ['', '/token', '/email', '/identity?audience=https://example.com'].map((key) => ({
        url: `http://${host}${route}${key}`,
        headers,
      })),
    )
    const answers = await answersToOther(requests)
    expect(answers.filter(({ status }) => status === 200)).toEqual([])
    expect(answers.filter(({ url }) => url.includes(cloud.metadataHost)).map(({ status }) => status)).toEqual([
      403, 403, 403, 403,
    ])
  })

  it('is refused by every API without a token', async () => {
    const { http, projectId, region } = cloud
    const place = `projects/${projectId}/locations/${region}`
    const requests: Request[] = [
      { url: `${http}/_imagery/state` },
      { url: `${http}/_imagery/health` },
      { url: `${http}/_imagery/account?email=operator@${projectId}.iam.gserviceaccount.com` },
      { url: `${http}/_imagery/shutdown`, method: 'POST' },
      { url: `${http}/v2/${place}/services?serviceId=mine`, method: 'POST', body: '{}' },
      { url: `${http}/v2/${place}/queues` },
      { url: `${http}/v1/projects/${projectId}/topics` },
      { url: `${http}/bigquery/v2/projects/${projectId}/datasets` },
      { url: `${http}/storage/v1/b?project=${projectId}` },
      { url: `${http}/v1/projects/${projectId}/serviceAccounts` },
      {
        url: `${http}/v1/projects/-/serviceAccounts/operator@${projectId}.iam.gserviceaccount.com:generateAccessToken`,
        method: 'POST',
      },
    ]
    const answers = other ? await answersToOther(requests) : await Promise.all(requests.map(sendHere))
    expect(answers.filter(({ status }) => status !== 401 && status !== 403)).toEqual([])
    expect(answers).toHaveLength(requests.length)
  })

  it.runIf(process.platform === 'linux')(
    'cannot call a service on its own port (Linux: where ports can be looked up)',
    async () => {
      const ports = descendants(cloud.pid).flatMap(listeningPorts)
      expect(ports.length).toBeGreaterThanOrEqual(2)
      const requests = ports.flatMap((port) =>
        ['/setup', '/process', '/teardown', '/'].map((route) => ({
          url: `http://127.0.0.1:${port}${route}`,
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ run_id: runId }),
        })),
      )
      const answers = other ? await answersToOther(requests) : await Promise.all(requests.map(sendHere))
      // Every service refuses each of its routes; another service's routes do not exist.
      const refused = answers.filter(({ status }) => status === 401 || status === 403)
      expect(answers.filter(({ status }) => ![401, 403, 404].includes(status))).toEqual([])
      expect(new Set(refused.map(({ url }) => new URL(url).port)).size).toBe(new Set(ports).size)
    },
  )
})

async function sendHere(request: Request): Promise<Answer> {
  const answer = await fetch(request.url, request)
  return { url: request.url, status: answer.status, text: await answer.text() }
}
