import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { grantsTo, type Grant } from '../../src/contracts/grants.ts'
import { bucketName, invokerAccount, mainService, runtimeAccount } from '../../src/contracts/names.ts'
import { newUser, ROOT, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import { newAccount, withRoles } from './deployer.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'
import { openProject, type Project } from './project-state.ts'

/** A run whose starter, or whose services, lack one of the roles of docs/deploy.md: it says which. */

const SIGNS = path.join(ROOT, 'test', 'fixtures', 'road-signs')
const PLACE = { projectId: 'imagery-local', region: 'us-central1' }
const PROJECT = `projects/${PLACE.projectId}`
const INVOKER = `v1/${PROJECT}/serviceAccounts/${invokerAccount(PLACE)}`
const BUCKET = `storage/v1/b/${bucketName(PLACE)}/iam`
const SOURCE = `bigquery/v2/${PROJECT}/datasets/city`
const SERVICE = `v2/${PROJECT}/locations/${PLACE.region}/services/${mainService({})}`

let user: ImageryUser
let project: Project
let cloud: OfficialClients
let runner: string

beforeAll(async () => {
  user = await newUser()
  const gemini = `replay:${path.join(SIGNS, 'answers.jsonl')}`
  expect((await user.run(['local', 'start', '--detach', '--gemini', gemini])).exitCode).toBe(0)
  expect((await user.run(['deploy', '--local'])).exitCode).toBe(0)
  project = await openProject(user.dataDirectory)
  cloud = await officialClients(user.dataDirectory)
  await cloud.bigQuery.createDataset('city', { location: 'US' })
  await cloud.bigQuery
    .dataset('city')
    .table('signs')
    .load(path.join(SIGNS, 'observations.jsonl'), { sourceFormat: 'NEWLINE_DELIMITED_JSON', autodetect: true })
  runner = await newAccount(project, 'city-ci', [])
  for (const on of new Set(grantsTo('runner').map((grant) => grant.on))) await give(runner, on, rolesOn('runner', on))
})

afterAll(() => user.leave())

const rolesOn = (to: Grant['to'], on: Grant['on'], except?: Grant): string[] =>
  grantsTo(to, on)
    .filter((grant) => grant !== except)
    .map(({ role }) => role)

/** Sees to it that an account has these roles on a resource and no others. */
async function give(email: string, on: Grant['on'], roles: readonly string[]): Promise<void> {
  const { call } = project
  switch (on) {
    case 'project': {
      const policy = withRoles(await call('POST', `v3/${PROJECT}:getIamPolicy`, {}), email, roles)
      return void (await call('POST', `v3/${PROJECT}:setIamPolicy`, { policy }))
    }
    case 'bucket':
      return void (await call('PUT', BUCKET, withRoles(await call('GET', BUCKET), email, roles)))
    case 'account invoker': {
      const policy = withRoles(await call('POST', `${INVOKER}:getIamPolicy`, {}), email, roles)
      return void (await call('POST', `${INVOKER}:setIamPolicy`, { policy }))
    }
    case 'services': {
      const policy = withRoles(await call('GET', `${SERVICE}:getIamPolicy`), email, roles)
      return void (await call('POST', `${SERVICE}:setIamPolicy`, { policy }))
    }
    case 'source table': {
      const { access } = (await call('GET', SOURCE)) as { access: { userByEmail?: string }[] }
      const entries = roles.map(() => ({ role: 'READER', userByEmail: email }))
      return void (await call('PATCH', SOURCE, {
        access: [...access.filter((each) => each.userByEmail !== email), ...entries],
      }))
    }
    default:
      throw new Error(`no roles are given on ${on} here`)
  }
}

const RUN = 'run --local --json --profile road-signs --unit observation --table imagery-local.city.signs'.split(' ')

const run = (account: string | undefined, ...more: string[]): Promise<Outcome> =>
  user.run([...RUN, ...more], account === undefined ? {} : { IMAGERY_LOCAL_ACCOUNT: account })

/** Runs with one role taken away, and gives it back. */
async function runWithout(grant: Grant, email: string, account: string | undefined): Promise<string> {
  await give(email, grant.on, rolesOn(grant.to, grant.on, grant))
  try {
    const outcome = await run(account)
    expect(outcome.exitCode, outcome.stdout).toBe(1)
    return outcome.error().message
  } finally {
    await give(email, grant.on, rolesOn(grant.to, grant.on))
  }
}

test('with all of the roles it ends with every asset answered', async () => {
  expect(await run(runner)).toMatchObject({ exitCode: 0, stderr: '' })
})

describe('an account that starts a run without', () => {
  test.each(grantsTo('runner').map((grant) => [grant.role, grant.on, grant] as const))(
    '%s on the %s is told so',
    async (role, _, grant) => {
      expect(await runWithout(grant, runner, runner)).toContain(role)
    },
  )
})

describe('services whose account is without', () => {
  const granted = [...grantsTo('runtime'), ...grantsTo('invoker')].filter(({ by }) => by === 'deploy')
  test.each(granted.map((grant) => [grant.role, grant.on, grant] as const))(
    '%s on the %s refuse to begin, and say so',
    async (role, _, grant) => {
      const email = grant.to === 'runtime' ? runtimeAccount(PLACE) : invokerAccount(PLACE)
      expect(await runWithout(grant, email, runner)).toContain(role)
    },
  )
})

test("who may not let the services write to somebody's dataset is told what its owner can do", async () => {
  await cloud.bigQuery.createDataset('theirs', { location: 'US' })
  const error = (await run(runner, '--output', 'theirs')).error()
  expect(error).toMatchObject({
    code: 'ACCESS_DENIED',
    message: expect.stringContaining('roles/bigquery.dataEditor') as string,
  })
  expect(error.suggestions[0]).toContain(
    `ON SCHEMA \`${PLACE.projectId}.theirs\` TO "serviceAccount:${runtimeAccount(PLACE)}"`,
  )
})
