import { existsSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { REQUIRED_SERVICES } from '../../src/contracts/required-services.ts'
import { newUser, ROOT, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { callsSince, changing, DEPLOYER_ROLES, disableApis, enableApis, newAccount } from './deployer.ts'
import { runReport } from './documents.ts'
import { openProject, type Project } from './project-state.ts'

const OBSERVATIONS = path.join(ROOT, 'samples', 'street-signs', 'observations.jsonl')

const planDocument = z.strictObject({
  plan: z.array(
    z.strictObject({
      title: z.string(),
      changes: z.array(
        z.strictObject({ action: z.string(), resource: z.string(), fields: z.array(z.string()).optional() }),
      ),
    }),
  ),
})

const deployDocument = z.object({
  main_url: z.url(),
  services: z.array(z.strictObject({ name: z.string(), url: z.url(), outcome: z.string() })),
})

let user: ImageryUser
let project: Project
let logFile: string
let deployer: string
let found: unknown

/** A new project: only an account that may deploy, and the APIs that every project has enabled. */
beforeAll(async () => {
  user = await newUser({ isWarm: true })
  logFile = path.join(user.folder, 'access.log')
  await user.startLocalCloud({ accessLog: logFile })
  project = await openProject(user.dataDirectory)
  await enableApis(project)
  deployer = await newAccount(project, 'deployer', DEPLOYER_ROLES)
  found = await project.state()
  await disableApis(project)
})

afterAll(() => user.leave())

const asDeployer = (...args: string[]): Promise<Outcome> =>
  user.run([...args, '--local', '--json'], { IMAGERY_LOCAL_ACCOUNT: deployer })

/** The outcome of a command and its own calls. */
async function watched(...args: string[]): Promise<{ outcome: Outcome; changes: string[]; seconds: number }> {
  const offset = existsSync(logFile) ? statSync(logFile).size : 0
  const startedAt = performance.now()
  const outcome = await asDeployer(...args)
  const seconds = (performance.now() - startedAt) / 1_000
  return { outcome, changes: changing(callsSince(logFile, offset, deployer)), seconds }
}

describe('in an empty project, an account with the documented roles', () => {
  test('lists every API, resource and role with --dry-run, and changes nothing', async () => {
    const { outcome, changes } = await watched('deploy', '--dry-run')
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' })
    const { plan } = planDocument.parse(outcome.json())
    const resources = plan.flatMap((step) => step.changes.map(({ resource }) => resource))
    for (const { name } of REQUIRED_SERVICES) expect(resources).toContain(name)
    expect(resources.filter((each) => each.startsWith('roles/')).length).toBeGreaterThan(8)
    expect(resources.join('\n')).toMatch(/repositories\/imagery.*gs:\/\/imagery-.*imagery-main.*imagery-populate/s)
    expect(changes).toEqual([])
  })

  test('deploys two services that only imagery-invoker may call', async () => {
    const { outcome } = await watched('deploy')
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' })
    expect(deployDocument.parse(outcome.json()).services.map(({ name, outcome: done }) => [name, done])).toEqual([
      ['imagery-main', 'created'],
      ['imagery-populate', 'created'],
    ])
    const { services } = (await project.state()) as { services: { policy: object; template: object }[] }
    const { projectId } = project.locator
    for (const { policy, template } of services) {
      expect(policy).toEqual({
        bindings: [
          {
            role: 'roles/run.invoker',
            members: [`serviceAccount:imagery-invoker@${projectId}.iam.gserviceaccount.com`],
          },
        ],
      })
      // Billed by requests: what is left of a run's instances costs nothing.
      expect(template).toMatchObject({ containers: [{ resources: { cpuIdle: true } }] })
      expect(template).toMatchObject({ serviceAccount: `imagery-runtime@${projectId}.iam.gserviceaccount.com` })
    }
  })

  test('makes no change in a second deploy, which takes a few seconds', async () => {
    const { outcome, changes, seconds } = await watched('deploy')
    expect(outcome.exitCode).toBe(0)
    expect(deployDocument.parse(outcome.json()).services.map(({ outcome: done }) => done)).toEqual([
      'unchanged',
      'unchanged',
    ])
    expect(changes).toEqual([])
    expect(seconds).toBeLessThan(15)
  })

  const origin = (host: string): string[] => ['--allow-model-origin', `https://${host}`]

  test('changes only the service that a changed flag affects', async () => {
    const flags = ['--max-instances', '9', ...origin('b.example:8443'), ...origin('a.example')]
    const { outcome, changes } = await watched('deploy', ...flags)
    expect(outcome.exitCode).toBe(0)
    expect(deployDocument.parse(outcome.json()).services.map(({ outcome: done }) => done)).toEqual([
      'updated',
      'unchanged',
    ])
    expect(changes).toEqual(['google.cloud.run.v2.Services/UpdateService'])
  })

  test('restores manual changes and nothing else', async () => {
    const flags = ['--max-instances', '9', ...origin('a.example'), ...origin('b.example:8443')]
    const { projectId, region } = project.locator
    const repository = `v1/projects/${projectId}/locations/${region}/repositories/imagery`
    const theirs = { id: 'theirs', action: 'DELETE', condition: { tagState: 'UNTAGGED' } }
    const made = (await project.call('GET', repository))['cleanupPolicies']
    await project.call('PATCH', `${repository}?updateMask=cleanupPolicies`, { cleanupPolicies: { theirs } })
    const service = `v2/projects/${projectId}/locations/${region}/services/imagery-main`
    const deployed = (await project.call('GET', service)) as {
      template: { containers: { env: { name: string; value: string }[] }[] }
    }
    const [container] = deployed.template.containers
    const env = container!.env.map((each) =>
      each.name === 'IMAGERY_MODEL_ORIGINS' ? { ...each, value: `${each.value},https://c.example` } : each,
    )
    const changed = { ...deployed.template, timeout: '60s', containers: [{ ...container, env }] }
    await project.call('PATCH', `${service}?updateMask=template,invokerIamDisabled`, {
      template: changed,
      invokerIamDisabled: true,
    })

    const plan = planDocument.parse((await asDeployer('deploy', ...flags, '--dry-run')).json())
    expect(plan.plan.flatMap(({ changes }) => changes).filter(({ action }) => action !== 'keep')).toEqual([
      { action: 'update', resource: repository.slice(3) },
      {
        action: 'update',
        resource: `Cloud Run service imagery-main in ${region}`,
        fields: ['invokerIamDisabled', 'template.timeout', 'env.IMAGERY_MODEL_ORIGINS'],
      },
    ])
    const { outcome, changes } = await watched('deploy', ...flags)
    expect(outcome.exitCode).toBe(0)
    expect(changes).toEqual(['artifactregistry.repositories.patch', 'google.cloud.run.v2.Services/UpdateService'])
    expect((await project.call('GET', repository))['cleanupPolicies']).toEqual({ ...(made as object), theirs })
    const { template, invokerIamDisabled } = await project.call('GET', service)
    expect({ template, invokerIamDisabled }).toMatchObject({ template: deployed.template })
    expect(invokerIamDisabled ?? false).toBe(false)
  })

  test('finds the deployment without any local memory of it', async () => {
    const outcome = await asDeployer('deploy', '--list')
    expect(outcome.json()).toMatchObject({
      deployments: [{ region: project.locator.region, state: 'ready' }],
    })
  })
})

describe('the deployment', () => {
  test('processes every asset of a run', async () => {
    const args = ['run', '--local', '--json', '--table', OBSERVATIONS, '--profile', 'resolution']
    const outcome = await user.run(args)
    expect(runReport.parse(outcome.json())).toMatchObject({ state: 'complete', units: { total: 12, ok: 12 } })
  })

  test('is not torn down while it has a run, and the run is named', async () => {
    const { outcome, changes } = await watched('teardown', '--deployment', '--yes')
    expect(outcome.exitCode).toBe(1)
    expect(outcome.error()).toMatchObject({
      code: 'RUNS_EXIST',
      message: expect.stringMatching(/\d{6}-[0-9a-f]{8}/) as string,
      suggestions: [
        expect.stringMatching(/^imagery teardown \d{6}-[0-9a-f]{8} --local$/) as string,
        expect.stringContaining('--all') as string,
      ],
    })
    expect(changes).toEqual([])
  })

  test('is not torn down without confirmation when no terminal is there to ask', async () => {
    const outcome = await asDeployer('teardown', '--deployment', '--all')
    expect(outcome.exitCode).toBe(2)
    expect(outcome.error()).toMatchObject({ code: 'CONFIRMATION_NEEDED' })
  })

  test('is torn down to the original state, except for datasets and APIs', async () => {
    const outcome = await user.run(['teardown', '--deployment', '--all', '--yes', '--local', '--json'])
    expect(outcome).toMatchObject({ exitCode: 0, stderr: '' })
    const { datasets, ...left } = (await project.state()) as { datasets: { id: string }[] }
    const { datasets: _, ...before } = found as { datasets: unknown }
    expect(left).toEqual(before)
    expect(datasets.map(({ id }) => id)).toEqual([`${project.locator.projectId}:imagery_results_us`])
    const dataset = await project.call(
      'GET',
      `bigquery/v2/projects/${project.locator.projectId}/datasets/imagery_results_us`,
    )
    expect(JSON.stringify(dataset)).not.toContain('imagery-runtime')
  })

  test('is torn down again without an error', async () => {
    const { outcome, changes } = await watched('teardown', '--deployment', '--yes')
    expect(outcome.json()).toMatchObject({ deleted: [], kept: [] })
    expect(changes).toEqual([])
  })
})
