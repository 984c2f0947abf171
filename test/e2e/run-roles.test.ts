import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { grantsTo, type Grant } from '../../src/contracts/grants.ts'
import {
  bucketName,
  invokerAccount,
  mainService,
  populateService,
  queueName,
  runtimeAccount,
} from '../../src/contracts/names.ts'
import { resumeQueue } from '../../src/google/tasks.ts'
import { newUser, ROOT, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'
import {
  externalAccountFile,
  grant,
  impersonatedFile,
  keyFile,
  providerOf,
  registerProvider,
  tokenIssuer,
} from '@imagery/local-cloud/test/oauth/credentials-files-fixture'
import { googleFront, type GoogleFront } from '@imagery/local-cloud/test/oauth/google-front-fixture'
import { enableApis, newAccount, withRoles } from './deployer.ts'
import { runReport } from './documents.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'
import { openProject, type Project } from './project-state.ts'

/** A run whose caller or services lack one of the roles of docs/deploy.md: the error names it. */

const SIGNS = path.join(ROOT, 'test', 'fixtures', 'road-signs')
const PLACE = { projectId: 'imagery-local', region: 'us-central1' }
const PROJECT = `projects/${PLACE.projectId}`
const INVOKER = `v1/${PROJECT}/serviceAccounts/${invokerAccount(PLACE)}`
const BUCKET = `storage/v1/b/${bucketName(PLACE)}/iam`
const SOURCE = `bigquery/v2/${PROJECT}/datasets/city`
const RESULTS = `bigquery/v2/${PROJECT}/datasets/imagery_results_us`
const SERVICE = `v2/${PROJECT}/locations/${PLACE.region}/services/${mainService({})}`

let user: ImageryUser
let project: Project
let cloud: OfficialClients
let runner: string

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud({ gemini: `replay:${path.join(SIGNS, 'answers.jsonl')}` })
  expect((await user.run(['deploy', '--local'])).exitCode).toBe(0)
  project = await openProject(user.dataDirectory)
  cloud = await officialClients(user.dataDirectory)
  await cloud.bigQuery.createDataset('city', { location: 'US' })
  await cloud.bigQuery
    .dataset('city')
    .table('signs')
    .load(path.join(SIGNS, 'observations.jsonl'), { sourceFormat: 'NEWLINE_DELIMITED_JSON', autodetect: true })
  // Another user made the dataset for results, and lets the services write to it.
  await cloud.bigQuery.createDataset('imagery_results_us', { location: 'US' })
  await give(runtimeAccount(PLACE), 'results dataset', ['roles/bigquery.dataEditor'])
  runner = await newAccount(project, 'city-ci', [])
  await giveAll(runner)
})

afterAll(() => user.leave())

const rolesOn = (to: Grant['to'], on: Grant['on'], except?: Grant): string[] =>
  grantsTo(to, on)
    .filter((grant) => grant !== except)
    .map(({ role }) => role)

/** Grants all the roles in docs/deploy.md of an account that starts runs. */
async function giveAll(email: string): Promise<void> {
  for (const on of new Set(grantsTo('runner').map((grant) => grant.on))) await give(email, on, rolesOn('runner', on))
}

/** Gives an account exactly these roles on a resource. */
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
    case 'source table':
    case 'results dataset': {
      const dataset = on === 'source table' ? SOURCE : RESULTS
      const { access } = (await call('GET', dataset)) as { access: { userByEmail?: string }[] }
      const who = email.includes('://') ? { iamMember: email } : { userByEmail: email }
      const entries = roles.map(() => ({ role: on === 'source table' ? 'READER' : 'WRITER', ...who }))
      return void (await call('PATCH', dataset, {
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

/** Runs with one role revoked, and then restores it. */
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

test('with all roles a run processes every asset', async () => {
  expect(await run(runner)).toMatchObject({ exitCode: 0, stderr: '' })
})

describe('a run by an account without', () => {
  const ofAccounts = grantsTo('runner').filter((grant) => grant.for !== 'people')
  test.each(ofAccounts.map((grant) => [grant.role, grant.on, grant] as const))(
    '%s on the %s fails and names the role',
    async (role, _, grant) => {
      expect(await runWithout(grant, runner, runner)).toContain(role)
    },
  )
})

describe('services whose account lacks', () => {
  const granted = [...grantsTo('runtime'), ...grantsTo('invoker')].filter(({ by }) => by === 'deploy')
  test.each(granted.map((grant) => [grant.role, grant.on, grant] as const))(
    '%s on the %s refuse to start the run and name the role',
    async (role, _, grant) => {
      const email = grant.to === 'runtime' ? runtimeAccount(PLACE) : invokerAccount(PLACE)
      expect(await runWithout(grant, email, runner)).toContain(role)
    },
  )
})

describe('a run whose deliveries Cloud Run refuses stops, and a resume finishes it:', () => {
  const policyOf = (service: string): string => SERVICE.replace(mainService({}), service)

  async function setInvoker(service: string, roles: readonly string[]): Promise<void> {
    const policy = withRoles(
      await project.call('GET', `${policyOf(service)}:getIamPolicy`),
      invokerAccount(PLACE),
      roles,
    )
    await project.call('POST', `${policyOf(service)}:setIamPolicy`, { policy })
  }

  test('pushes of Pub/Sub, then tasks of Cloud Tasks', async () => {
    const [main, populate] = [mainService({}), populateService({})]
    await setInvoker(populate, [])
    const pushed = await run(runner)
    const notPushed = pushed.error()
    expect(notPushed).toMatchObject({
      code: 'ACCESS_DENIED',
      message: expect.stringMatching(
        /^Pub\/Sub cannot deliver the shards of run \S+: \S+ lacks roles\/run.invoker on the service imagery-populate. The queue is paused, and no unit is lost$/,
      ) as string,
      suggestions: [
        'imagery deploy --local   (grants it again)',
        expect.stringMatching(/^imagery resume \S+ --local/) as string,
      ],
    })
    const runId = notPushed.suggestions[1]!.split(' ')[2]!
    // Pub/Sub delivers the shards now, but Cloud Tasks cannot deliver the tasks.
    await setInvoker(main, [])
    await setInvoker(populate, ['roles/run.invoker'])
    await resumeQueue(queueName(PLACE, runId))
    const watched = await user.run(['status', runId, '--watch', '--local', '--json'])
    await setInvoker(main, ['roles/run.invoker'])
    expect(watched.error().message).toMatch(
      /^Every task of run \S+ is refused before imagery-main works on it \(HTTP 403\): \S+ lacks roles\/run.invoker on the service imagery-main. The queue is paused, and no unit is lost$/,
    )
    const resumed = await user.run(['resume', runId, '--local', '--json'])
    const { units } = runReport.parse(resumed.json())
    expect(units).toMatchObject({ failed: 0, pending: 0 })
    const [rows] = await cloud.bigQuery.query(
      `SELECT COUNTIF(status != 'setup') AS paid FROM \`imagery_results_us.road_signs_${runId.replace('-', '_')}_attempts\``,
    )
    expect(rows).toEqual([{ paid: units.total }])
  })
})

test('a user who may not grant access to the output dataset gets the command for its owner', async () => {
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

/** The product as on Google Cloud: Google's addresses and a company's proxy, with only a credentials file. */
describe("by Google's host names, through a proxy,", () => {
  let front: GoogleFront
  let provider: string
  let key: Record<string, string>
  let subjectToken: string
  let runId: string

  beforeAll(async () => {
    front = await googleFront(cloud.locator)
    front.password = 'ada:p@ss'
    writeFileSync(path.join(user.folder, 'ca.pem'), front.certificate)
    await enableApis(project, ['sts.googleapis.com'])
    const issuer = await tokenIssuer()
    provider = await registerProvider(project.locator, 'github', providerOf(issuer))
    const claims = { sub: 'repo:city/poles', repository: 'city/poles', aud: `https://iam.googleapis.com/${provider}` }
    subjectToken = path.join(user.folder, 'subject-token')
    writeFileSync(subjectToken, await issuer.token(claims))
    key = await keyFile(project.call, runner)
  })

  afterAll(() => front.stop())

  const pool = (): string => `iam.googleapis.com/${provider.replace(/\/providers\/.*/, '')}`

  /** Runs a command with such a file. Returns its output and the requests per host. */
  async function imagery(credentials: object, ...args: string[]): Promise<Outcome & { asked: string[] }> {
    const file = path.join(user.folder, 'credentials.json')
    writeFileSync(file, JSON.stringify(credentials))
    const before = [front.tunnels.length, front.requests.length]
    const place = ['--project', PLACE.projectId, '--region', PLACE.region]
    const outcome = await user.run([...args, ...place, '--json'], {
      GOOGLE_APPLICATION_CREDENTIALS: file,
      HTTPS_PROXY: front.proxy.replace('//', '//ada:p%40ss@'),
      NODE_EXTRA_CA_CERTS: path.join(user.folder, 'ca.pem'),
    })
    return { ...outcome, asked: [...front.tunnels.slice(before[0]), ...front.requests.slice(before[1])] }
  }

  const MAIN = expect.stringMatching(/^imagery-main-\d+\.us-central1\.run\.app POST \/(setup|teardown)$/) as string
  const tokenFor = (email: string): string =>
    `iamcredentials.googleapis.com POST /v1/projects/-/serviceAccounts/${email}:generateIdToken`
  const ON_THE_WAY = ['run', 'pubsub'].map((api) => `${api}.googleapis.com:443`)
  const RUN_ONE = [...RUN.filter((word) => word !== '--local' && word !== '--json'), '--limit', '1', '--no-wait']

  const checks = (outcome: Outcome): Record<string, string> =>
    Object.fromEntries(
      (outcome.json() as { checks: { check: string; status: string; detail: string }[] }).checks.map(
        ({ check, status, detail }) => [check, `${status}: ${detail}`],
      ),
    )

  test("a service account's key passes doctor and runs a table, with its own ID tokens, then the invoker's", async () => {
    const examined = await imagery(key, 'doctor')
    expect({ exitCode: examined.exitCode, stderr: examined.stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(checks(examined)).toMatchObject({
      credentials: expect.stringContaining(`ok: ${runner} (a service account's key, `) as string,
      region: 'ok: us-central1',
      roles_to_run: 'ok: this account has them',
    })
    const ran = await imagery(key, ...RUN_ONE)
    expect({ exitCode: ran.exitCode, stderr: ran.stderr }, ran.stdout).toEqual({ exitCode: 0, stderr: '' })
    expect(ran.asked).toEqual(expect.arrayContaining([...ON_THE_WAY, MAIN, tokenFor(invokerAccount(PLACE))]))
    runId = runReport.parse(ran.json()).run_id
    const [spec] = await cloud.storage.bucket(bucketName(PLACE)).file(`runs/${runId}/run.json`).download()
    expect(JSON.parse(spec.toString())).toMatchObject({ created_by: runner })
  })

  test('an impersonated account tears the run down with an ID token from its source', async () => {
    const credentials = impersonatedFile(key, runner)
    const account = `v1/${PROJECT}/serviceAccounts/${runner}`
    await grant(project.call, account, 'roles/iam.serviceAccountTokenCreator', `serviceAccount:${runner}`)
    await give(runner, 'services', ['roles/run.invoker'])
    const torn = await imagery(credentials, 'teardown', runId)
    expect({ exitCode: torn.exitCode, stderr: torn.stderr }, torn.stdout).toEqual({ exitCode: 0, stderr: '' })
    expect(torn.asked).toEqual(expect.arrayContaining([MAIN, tokenFor(runner)]))
    expect(torn.asked).not.toContain(tokenFor(invokerAccount(PLACE)))
  })

  test("a workload identity that impersonates an account calls with that account's ID token", async () => {
    const repository = `principalSet://${pool()}/attribute.repository/city/poles`
    await grant(project.call, `v1/${PROJECT}/serviceAccounts/${runner}`, 'roles/iam.workloadIdentityUser', repository)
    const ran = await imagery(externalAccountFile(provider, subjectToken, runner), ...RUN_ONE)
    expect({ exitCode: ran.exitCode, stderr: ran.stderr }, ran.stdout).toEqual({ exitCode: 0, stderr: '' })
    expect(ran.asked).toEqual(expect.arrayContaining([MAIN, 'sts.googleapis.com POST /v1/token', tokenFor(runner)]))
    expect(ran.asked).not.toContain(tokenFor(invokerAccount(PLACE)))
  })

  test('a workload identity without an account gets the missing role named, and with it runs a table as the invoker', async () => {
    const credentials = externalAccountFile(provider, subjectToken)
    const identity = `principal://${pool()}/subject/repo:city/poles`
    await give(identity, 'project', ['roles/browser'])
    const examined = await imagery(credentials, 'doctor')
    expect(examined.exitCode).toBe(1)
    expect(checks(examined)['credentials']).toContain(
      `ok: an identity of ${pool().split('/').at(-1)} (a workload identity, `,
    )
    expect(examined.stdout).toContain(`--member principal://${pool()}/subject/SUBJECT --role roles/pubsub.editor`)
    await giveAll(identity)
    const ran = await imagery(credentials, ...RUN_ONE, '--output', 'of_the_ci')
    expect({ exitCode: ran.exitCode, stderr: ran.stderr }, ran.stdout).toEqual({ exitCode: 0, stderr: '' })
    expect(ran.asked).toEqual(expect.arrayContaining([...ON_THE_WAY, MAIN, tokenFor(invokerAccount(PLACE))]))
  })

  test("a deleted key is reported in the token endpoint's words; a proxy's refusal names the proxy", async () => {
    await project.call('DELETE', `v1/${PROJECT}/serviceAccounts/${runner}/keys/${key['private_key_id']}`)
    const refused = await imagery(key, 'doctor')
    expect(refused.exitCode).toBe(1)
    expect(checks(refused)['credentials']).toMatch(
      /^failed: .* cannot get an access token: invalid_grant: Invalid JWT Signature\.$/,
    )
    expect(refused.stdout).toContain(`gcloud iam service-accounts keys list --iam-account ${runner}`)
    front.password = 'another'
    const unproxied = await imagery(externalAccountFile(provider, subjectToken), 'doctor')
    expect(unproxied.exitCode).toBe(1)
    expect(checks(unproxied)['credentials']).toContain('the proxy refused the request with HTTP 407')
  })
})
