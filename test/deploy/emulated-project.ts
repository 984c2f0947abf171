import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { LocalCloud, LocalCloudOptions } from '@imagery/local-cloud'
import type { FaultRule } from '@imagery/local-cloud/internal/kernel/faults'
import type { ProjectConditionOptions } from '@imagery/local-cloud/internal/kernel/project-conditions'
import type { Step } from '../../src/contracts/steps.ts'
import type { LoggedCall } from '../e2e/deployer.ts'
import { useLocalCloud } from '../../src/google/transport/environment.ts'
import { deployContext, deploySteps } from '../../src/services/deploy/deploy.ts'
import type { DeployContext, DeployOptions } from '../../src/services/deploy/context.ts'
import { localTarget } from '../../src/services/session/target.ts'
import { openProject, type Project } from '../e2e/project-state.ts'
import type { JumpingClock } from './jumping-clock.ts'

/** A local cloud in this process, and deploys to it without the command line. Clients stay with the first one. */
export interface EmulatedProject {
  cloud: LocalCloud
  project: Project
  /** @param name of the deployment */
  context(region: string, name?: string, options?: Partial<DeployOptions>): DeployContext
  /** Runs the steps of a deploy, up to and with the one that has this title. Returns what they said, by title. */
  deploy(
    context: DeployContext,
    options?: string | { last?: string; steps?: readonly Step<unknown>[] },
  ): Promise<Record<string, Said>>
  /** Replaces the fault rules of the local cloud. */
  setFaults(rules: readonly FaultRule[]): Promise<void>
  /** Replaces the conditions of the project. */
  setConditions(conditions: ProjectConditionOptions): Promise<void>
  /** The calls since `start`, by method, as the access log has them. */
  calls(method: string): LoggedCall[]
  stop(): Promise<void>
}

/** What one step of a deploy said. */
export interface Said {
  details: string[]
  done: string
}

/** A service that answers its health checks, and nothing else. */
const PROGRAM = `
import { createServer } from 'node:http'
createServer((request, response) => response.writeHead(request.url.startsWith('/health') ? 200 : 404).end())
  .listen(Number(process.env.PORT))
`

const DOCKERFILE = 'FROM node:22-slim\nWORKDIR /app\nCOPY dist/runtime ./\nCMD ["node", "main.js"]\n'

export async function emulatedProject(
  clock: JumpingClock,
  options: Partial<LocalCloudOptions> = {},
): Promise<EmulatedProject> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-deploy-test-'))
  const runtimeFolder = path.join(folder, 'dist', 'runtime')
  mkdirSync(runtimeFolder, { recursive: true })
  writeFileSync(path.join(folder, 'Dockerfile'), DOCKERFILE)
  writeFileSync(path.join(runtimeFolder, 'package.json'), '{"type": "module"}')
  writeFileSync(path.join(runtimeFolder, 'package-lock.json'), '{"packages": {"": {}}}')
  for (const name of ['main.js', 'populate.js']) writeFileSync(path.join(runtimeFolder, name), PROGRAM)
  const dataDir = path.join(folder, 'cloud')
  const accessLogFile = path.join(folder, 'access.jsonl')
  // gRPC reads its certificates when it is loaded, and the local cloud loads it too.
  process.env['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH'] = path.join(dataDir, 'identity', 'ca.pem')
  const { startLocalCloud } = await import('@imagery/local-cloud')
  const { giveSigningKey } = await import('@imagery/local-cloud/test/identity/signing-key-fixture')
  await giveSigningKey(dataDir)
  const cloud = await startLocalCloud({ dataDir, clock, accessLogFile, ...options })
  useLocalCloud(cloud.locator)
  const givePausesBack = clock.takePauses()
  const { projectId, http, adminToken } = cloud.locator
  const configure = async (what: 'faults' | 'conditions', body: unknown): Promise<void> => {
    const answer = await fetch(new URL(`/_imagery/${what}`, http), {
      method: 'PUT',
      headers: { authorization: `Bearer ${adminToken}` },
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(await answer.text())
  }
  return {
    cloud,
    project: await openProject(dataDir),
    context(region, name, deployOptions = {}) {
      const place = { projectId, region, ...(name === undefined ? {} : { name }) }
      return deployContext(localTarget(dataDir, place, ` --region ${region}`), runtimeFolder, deployOptions)
    },
    async deploy(context, options = {}) {
      const { last, steps = deploySteps(context).steps } = typeof options === 'string' ? { last: options } : options
      const said: Record<string, Said> = {}
      for (const step of steps) {
        const details: string[] = []
        const outcome = (await step.run(context, { detail: (text) => details.push(text) })) ?? {}
        said[step.title] = { details, done: 'skipped' in outcome ? outcome.skipped : (outcome.done ?? '') }
        if (step.title === last) break
      }
      return said
    },
    setFaults: (rules) => configure('faults', rules),
    setConditions: (conditions) => configure('conditions', conditions),
    calls(method) {
      const lines = readFileSync(accessLogFile, 'utf8').split('\n').filter(Boolean)
      return lines.map((line) => JSON.parse(line) as LoggedCall).filter((call) => call.method === method)
    },
    async stop() {
      givePausesBack()
      await cloud.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
