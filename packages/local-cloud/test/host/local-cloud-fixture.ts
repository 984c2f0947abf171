import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { afterEach, beforeEach } from 'vitest'
import type { LocalCloudLocator } from '../../src/contract/locator.ts'
import type { LocalCloudState } from '../../src/host/admin.ts'
import { startLocalCloud, type LocalCloud, type LocalCloudOptions } from '../../src/host/local-cloud.ts'
import { giveSigningKey } from '../identity/signing-key-fixture.ts'

/** Starts local clouds in one folder per test; stops and deletes what the test leaves behind. */
export class LocalClouds {
  directory = ''
  #running: LocalCloud[] = []
  #children: ChildProcess[] = []

  constructor() {
    beforeEach(async () => {
      this.directory = mkdtempSync(path.join(tmpdir(), 'imagery-cloud-'))
      await giveSigningKey(this.directory)
    })
    afterEach(async () => {
      for (const child of this.#children.splice(0)) child.kill('SIGKILL')
      for (const cloud of this.#running.splice(0)) await cloud.stop()
      rmSync(this.directory, { recursive: true, force: true })
    })
  }

  /** All services are enabled by default. */
  async start(options: Partial<LocalCloudOptions> = {}): Promise<LocalCloud> {
    const cloud = await startLocalCloud({ dataDir: this.directory, allServicesEnabled: true, ...options })
    this.#running.push(cloud)
    return cloud
  }

  /** A local cloud in a separate process; `kill` ends it like kill -9. */
  async spawn(): Promise<{ locator: LocalCloudLocator; kill(): Promise<void> }> {
    const child = spawn(
      process.execPath,
      [path.join(import.meta.dirname, 'local-cloud-process-fixture.ts'), this.directory],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    )
    this.#children.push(child)
    const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    for await (const line of createInterface({ input: child.stdout })) {
      const kill = async (): Promise<void> => {
        child.kill('SIGKILL')
        await exited
      }
      return { locator: JSON.parse(line) as LocalCloudLocator, kill }
    }
    throw new Error('the local cloud ended before it was ready')
  }
}

/** Calls one of the local cloud's own endpoints. */
export async function admin(
  { locator }: Pick<LocalCloud, 'locator'>,
  method: string,
  route: string,
  body?: unknown,
): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${locator.http}/_imagery/${route}`, {
    method,
    headers: { authorization: `Bearer ${locator.adminToken}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  return { status: answer.status, body: await answer.json() }
}

/** The local cloud's state and calls. */
export async function stateOf(cloud: Pick<LocalCloud, 'locator'>): Promise<LocalCloudState> {
  return (await admin(cloud, 'GET', 'state')).body as LocalCloudState
}

/** The operator's access token, from its metadata server. */
export async function accessToken({ locator }: Pick<LocalCloud, 'locator'>): Promise<string> {
  const url = `http://${locator.metadataHost}/computeMetadata/v1/instance/service-accounts/default/token`
  const answer = await fetch(url, { headers: { 'Metadata-Flavor': 'Google' } })
  return ((await answer.json()) as { access_token: string }).access_token
}

/** A REST call as the operator. */
export async function callApi(
  cloud: Pick<LocalCloud, 'locator'>,
  route: string,
  init: RequestInit = {},
): Promise<Response> {
  const headers = { authorization: `Bearer ${await accessToken(cloud)}`, ...(init.headers as object) }
  return fetch(cloud.locator.http + route, { ...init, headers })
}

/** A request with a custom Host header, which fetch does not allow. */
export function requestAs(host: string, url: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request(url, { headers: { host } }, (answer) => {
      let body = ''
      answer.on('data', (chunk: Buffer) => (body += chunk.toString()))
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }))
    })
      .on('error', reject)
      .end()
  })
}

/**
 * Runs a module as a program next to the local cloud, with only the environment that points
 * official clients to it, and parses the JSON that it prints. `cloud` is the locator in the module.
 */
export async function runProgram(locator: LocalCloudLocator, source: string): Promise<unknown> {
  const script = `const cloud = ${JSON.stringify(locator)}\n${source}`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
    cwd: path.resolve(import.meta.dirname, '../../../..'),
    env: {
      PATH: process.env['PATH'],
      HOME: tmpdir(),
      GCE_METADATA_HOST: locator.metadataHost,
      GRPC_DEFAULT_SSL_ROOTS_FILE_PATH: locator.caFile,
    },
  })
  return JSON.parse(stdout)
}
