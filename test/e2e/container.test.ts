import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runImagesPrefix } from '../../src/contracts/names.ts'
import { newRunId } from '../../src/contracts/run-id.ts'
import { runSpec } from '../../src/contracts/run-spec.ts'
import { newUser, ROOT, type ImageryUser } from '../cli/imagery-process.ts'
import { runReport } from './documents.ts'
import { buildImage, type BuiltImage, type Published } from './image-by-hand.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'
import { freePort, startByHand, type ServiceByHand } from './services-by-hand.ts'
import { testCertificate, type TlsFront } from './tls-front.ts'
import { tokenSigner, type TokenSigner } from './token-signer.ts'

const SAMPLE = path.join(ROOT, 'samples', 'street-signs', 'with-faults.jsonl')

/** The unprivileged user of every Linux; only root can become another user. */
const NOBODY = process.getuid?.() === 0 ? 65_534 : undefined
if (NOBODY === undefined) console.warn('not root: the container runs as this user, not as an unprivileged one')

/** Columns that differ between attempts with the same answer. */
const OF_THE_ATTEMPT = new Set(['run_id', 'attempt_id', 'finished_at', 'latency_ms', 'started_at'])

let user: ImageryUser
let cloud: OfficialClients
let signer: TokenSigner
let folder: string
/** The address of the main service for Cloud Tasks. */
let front: TlsFront
let image: BuiltImage
let published: Published
/** The run that the deployed services processed. */
let reference: { runId: string; resultsTable: string }
const services: ServiceByHand[] = []
const container: { main: string; populate: string } = { main: '', populate: '' }

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-container-'))
  chmodSync(folder, 0o755)
  const certificate = await testCertificate(folder)
  front = await certificate.open()
  const started = await user.run(['local', 'start', '--detach'], { NODE_EXTRA_CA_CERTS: certificate.file })
  expect(started.exitCode, started.stderr).toBe(0)
  const args = ['run', '--local', '--table', SAMPLE, '--profile', 'image-quality', '--json']
  const { run_id, results_table } = runReport.parse((await user.run(args)).json())
  reference = { runId: run_id, resultsTable: results_table ?? '' }
  cloud = await officialClients(user.dataDirectory)
  signer = await tokenSigner(user.dataDirectory, cloud.locator.http, invoker())
  published = publishedFiles()
  mkdirSync(path.join(folder, 'image'))
  image = buildImage({ root: ROOT, folder: path.join(folder, 'image'), published })
  await startContainers()
})

afterAll(async () => {
  await Promise.all(services.map((service) => service.stop()))
  front.close()
  await user.leave()
  rmSync(folder, { recursive: true, force: true })
})

/** What `npm install imagery` would unpack. */
function publishedFiles(): Published {
  const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  const [{ files }] = JSON.parse(output) as [{ files: { path: string }[] }]
  return new Set(files.map((file) => file.path))
}

/** Both services from one image, with only the settings that a host gives them. */
async function startContainers(): Promise<void> {
  const ports = { main: await freePort(), populate: await freePort() }
  container.main = `http://127.0.0.1:${ports.main}`
  container.populate = `http://127.0.0.1:${ports.populate}`
  front.forwardTo(container.main)
  const { projectId, region } = cloud.locator
  const environment = {
    ...image.environment,
    IMAGERY_PROJECT: projectId,
    IMAGERY_REGION: region,
    IMAGERY_BUCKET: `imagery-${projectId}-${region}`,
    IMAGERY_MAIN_URL: front.url,
    IMAGERY_INVOKER: invoker(),
    IMAGERY_TOKEN_AUDIENCES: [front.url, container.main, container.populate].join(','),
    // What Cloud Run's front door would do.
    IMAGERY_CHECK_TOKENS: 'on',
    ...(await localCloudEnvironment()),
    // Node itself then refuses to write a file, anywhere (https://nodejs.org/docs/latest-v22.x/api/permissions.html).
    NODE_OPTIONS: '--permission --allow-fs-read=* --allow-addons --allow-worker',
    TMPDIR: path.join(folder, 'tmp'),
  }
  mkdirSync(environment.TMPDIR)
  if (NOBODY !== undefined) chownSync(environment.TMPDIR, NOBODY, NOBODY)
  const [node, ...main] = image.command
  expect(node).toBe('node')
  const directory = path.join(image.folder, image.workingDirectory)
  for (const [port, args] of [
    [ports.main, main],
    // The Dockerfile says how populate is deployed from the same image.
    [ports.populate, ['populate.js']],
  ] as const) {
    services.push(
      await startByHand(
        {
          command: [process.execPath, ...args],
          folder: directory,
          environment,
          ...(NOBODY === undefined ? {} : { user: NOBODY }),
        },
        port,
      ),
    )
  }
}

/** Leads to the local cloud in Google's place. Its own folder is closed to other users, so its locator is copied, without what opens its administration. */
async function localCloudEnvironment(): Promise<Record<string, string>> {
  const locatorFile = path.join(folder, 'local-cloud.json')
  const caFile = path.join(folder, 'ca.pem')
  copyFileSync(cloud.locator.caFile, caFile)
  chmodSync(caFile, 0o644)
  writeFileSync(locatorFile, JSON.stringify({ ...cloud.locator, caFile, adminToken: 'none' }))
  return { IMAGERY_LOCAL_CLOUD: locatorFile, GCE_METADATA_HOST: await runtimeMetadataHost() }
}

/** The metadata server of the account that the services act as, with its few roles and no other; it answers the container's user, too. */
async function runtimeMetadataHost(): Promise<string> {
  const { http, adminToken, projectId } = cloud.locator
  const email = `imagery-runtime@${projectId}.iam.gserviceaccount.com`
  const query = new URLSearchParams({ email, ...(NOBODY === undefined ? {} : { user: String(NOBODY) }) })
  const answer = await fetch(`${http}/_imagery/account?${query}`, {
    headers: { authorization: `Bearer ${adminToken}` },
  })
  expect(answer.status).toBe(200)
  return ((await answer.json()) as { metadataHost: string }).metadataHost
}

function invoker(): string {
  return `imagery-invoker@${cloud.locator.projectId}.iam.gserviceaccount.com`
}

/** Every file of the image, with its size and time. */
function listing(): string[] {
  return readdirSync(image.folder, { recursive: true, encoding: 'utf8' })
    .map((name) => {
      const { size, mtimeMs } = statSync(path.join(image.folder, name))
      return `${name} ${size} ${mtimeMs}`
    })
    .toSorted()
}

/** Another run of the same assets, as the command line leaves it before the services come in: its spec and its snapshot. */
async function prepareRun(): Promise<{ runId: string; tables: { dataset: string; live: string } }> {
  const { projectId, region } = cloud.locator
  const bucket = cloud.storage.bucket(`imagery-${projectId}-${region}`)
  const [before] = await bucket.file(`runs/${reference.runId}/run.json`).download()
  const runId = newRunId(new Date())
  // The images stay where they are staged.
  const inTables = (id: string): string => id.replace('-', '_')
  const text = before.toString().replaceAll(inTables(reference.runId), inTables(runId))
  const spec = { ...runSpec.parse(JSON.parse(text)), run_id: runId }
  await bucket.file(`runs/${runId}/run.json`).save(JSON.stringify(spec), { resumable: false })
  const { dataset, assets, live } = spec.tables
  const [job] = await cloud.bigQuery.createQueryJob({
    query: `SELECT * FROM \`${projectId}.${dataset}.${assets.replace(inTables(runId), inTables(reference.runId))}\``,
    destination: cloud.bigQuery.dataset(dataset).table(assets),
    location: 'US',
  })
  await job.getQueryResults()
  return { runId, tables: { dataset, live } }
}

/** Calls a service as the invoker. */
async function post(service: string, route: string, body: object): Promise<unknown> {
  const headers = {
    authorization: `Bearer ${await signer.token({ audience: service })}`,
    'content-type': 'application/json',
  }
  const answer = await fetch(`${service}${route}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await answer.text()
  expect(answer.status, text).toBe(200)
  return JSON.parse(text)
}

describe('the image that the Dockerfile builds from an installed imagery', () => {
  test('contains only the runtime and its locked packages', () => {
    expect(published).toContain('Dockerfile')
    const app = path.join(image.folder, image.workingDirectory)
    const names = readdirSync(app).filter((name) => !name.endsWith('.map'))
    expect(names.toSorted()).toEqual([
      'chunks',
      'licenses.md',
      'main.js',
      'node_modules',
      'package-lock.json',
      'package.json',
      'populate.js',
    ])
    const packages = readdirSync(path.join(app, 'node_modules'))
    expect(packages).toContain('sharp')
    expect(packages.filter((name) => /google|grpc|zod|hono/.test(name))).toEqual([])
    expect(image).toMatchObject({ environment: { NODE_ENV: 'production' }, user: 'node' })
  })

  test('completes a run as an unprivileged user, with the same rows as the deployed services', async () => {
    // Each process runs as the user it was given.
    for (const { pid } of NOBODY === undefined ? [] : services)
      expect(readFileSync(`/proc/${pid}/status`, 'utf8')).toMatch(new RegExp(`^Uid:\\s${NOBODY}\\s`, 'm'))
    const before = listing()
    const { runId, tables } = await prepareRun()
    const { queues } = (await post(container.main, '/setup', { v: 1, run_id: runId })) as { queues: [string] }
    const shard = { v: 1, run_id: runId, queue: queues[0], bucket_from: 0, bucket_to: 1_999 }
    const data = Buffer.from(JSON.stringify(shard)).toString('base64')
    expect(
      await post(container.populate, '/', { message: { data, messageId: '1' }, subscription: 'by-hand' }),
    ).toMatchObject({ outcome: 'populated', created: 14 })

    const live = `\`${cloud.locator.projectId}.${tables.dataset}.${tables.live}\``
    const pending = async (): Promise<number> => {
      const [rows] = await cloud.bigQuery.query(`SELECT COUNTIF(status = 'pending') AS n FROM ${live}`)
      return Number((rows as { n: number }[])[0]?.n)
    }
    while ((await pending()) > 0) await pause(50)

    const [metadata] = await cloud.bigQuery
      .dataset(tables.dataset)
      .table(reference.resultsTable.split('.')[2]!)
      .getMetadata()
    const columns = (metadata as { schema: { fields: { name: string }[] } }).schema.fields
      .map(({ name }) => name)
      .filter((name) => !OF_THE_ATTEMPT.has(name))
      .join(', ')
    const [expected] = await cloud.bigQuery.query(
      `SELECT ${columns} FROM \`${reference.resultsTable}\` ORDER BY unit_id`,
    )
    const [rows] = await cloud.bigQuery.query(`SELECT ${columns} FROM ${live} ORDER BY unit_id`)
    expect(expected).toHaveLength(14)
    // Messages name a run's own images as its table does; here the images are staged under the other run.
    const prefix = runImagesPrefix(
      { projectId: cloud.locator.projectId, region: cloud.locator.region },
      reference.runId,
    )
    const named = (rows as { error_message: string | null }[]).map((row) => ({
      ...row,
      error_message: row.error_message?.replaceAll(prefix, '') ?? null,
    }))
    expect(named).toEqual(expected)

    const { queues_deleted: deleted } = (await post(container.main, '/teardown', { v: 1, run_id: runId })) as {
      queues_deleted: string[]
    }
    expect(deleted.filter((name) => !/-control(?:-\d+)?$/.test(name))).toEqual(queues)
    expect(listing(), 'the image’s files').toEqual(before)
    expect(readdirSync(path.join(folder, 'tmp')), 'what was written to TMPDIR').toEqual([])
  })
})
