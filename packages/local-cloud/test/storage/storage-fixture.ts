import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Storage } from '@google-cloud/storage'
import { OAuth2Client } from 'google-auth-library'
import { systemClock, type Clock } from '../../src/kernel/clock.ts'
import { createFaults, type Faults } from '../../src/kernel/faults.ts'
import { createGateway, httpOperations } from '../../src/kernel/gateway.ts'
import { serveHttp } from '../../src/kernel/http-server.ts'
import { ProjectConditions } from '../../src/kernel/project-conditions.ts'
import { accessOf } from '../iam/access-fixture.ts'
import { storageApi, type StorageApi } from '../../src/apis/storage/index.ts'

/** A Cloud Storage on a free port, and the official client for it. */
export interface StorageFixture {
  directory: string
  api: StorageApi
  client: Storage
  /** `http://127.0.0.1:port` */
  base: string
  faults: Faults
  counts(): Record<string, number>
  /** A request with a token, for details that the client hides. */
  request(path: string, init?: RequestInit): Promise<Response>
  /** Stops the server and opens the same folder again. */
  restart(clock?: Clock): Promise<StorageFixture>
  stop(): Promise<void>
}

export async function startStorage(options: { clock?: Clock; directory?: string } = {}): Promise<StorageFixture> {
  const directory = options.directory ?? mkdtempSync(path.join(tmpdir(), 'imagery-storage-'))
  const clock = options.clock ?? systemClock
  const faults = createFaults()
  const { gateway, counts } = createGateway({
    // In resumable uploads to a custom endpoint, the official client (8.4.0) sends no token.
    authenticate: () => ({ email: 'tester@example.com' }),
    faults,
    clock,
  })
  const project = { projectId: 'imagery-local', projectNumber: '123456789012' }
  const access = accessOf({ ...project, grants: { 'roles/owner': ['user:tester@example.com'] } })
  const operation = httpOperations(gateway)
  const conditions = new ProjectConditions()
  const api = await storageApi({
    directory,
    clock,
    conditions,
    operation,
    projectNumber: project.projectNumber,
    access,
  })
  await api.start()
  const server = await serveHttp({ faces: api.http ? [api.http] : [], port: 0 })
  const base = `http://127.0.0.1:${server.port}`
  const authClient = new OAuth2Client()
  authClient.setCredentials({ access_token: 'token', expiry_date: Date.now() + 3_600_000 })
  const client = new Storage({
    projectId: 'imagery-local',
    apiEndpoint: base,
    useAuthWithCustomEndpoint: true,
    authClient,
    retryOptions: { autoRetry: false },
  })
  const close = async (): Promise<void> => {
    await server.stop(100)
    await api.stop()
  }
  return {
    directory,
    api,
    client,
    base,
    faults,
    counts,
    request: (target, init = {}) =>
      fetch(base + target, { ...init, headers: { authorization: 'Bearer token', ...(init.headers as object) } }),
    restart: async (nextClock = clock) => {
      await close()
      return startStorage({ clock: nextClock, directory })
    },
    stop: async () => {
      await close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
