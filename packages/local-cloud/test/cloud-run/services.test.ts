import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  addressOf,
  deploy,
  DEPLOYER,
  ECHO,
  echoOf,
  PARENT,
  removeDirectory,
  serviceOf,
  startHarness,
  upload,
} from './cloud-run-fixture.ts'
import type { Harness } from './cloud-run-fixture.ts'

vi.setConfig({ testTimeout: 20_000 })

let harness: Harness
beforeAll(async () => {
  harness = await startHarness()
  upload(harness, 'echo.tar.gz', { 'server.mjs': ECHO })
})
afterAll(async () => {
  await harness.stop()
  removeDirectory(harness.directory)
})

const nameOf = (service: string): string => `${PARENT}/services/${service}`

describe('creating a service', () => {
  test('is a long-running operation; then the service answers at its URL', async () => {
    const [operation] = await harness.services.createService({
      parent: PARENT,
      serviceId: 'echo',
      service: serviceOf('echo.tar.gz'),
    })
    expect(operation.latestResponse.done).toBe(false)
    const [service] = await operation.promise()
    await harness.services.setIamPolicy({
      resource: service.name ?? '',
      policy: { bindings: [{ role: 'roles/run.invoker', members: ['allUsers'] }] },
    })
    const answer = await harness.call('echo', { path: '/a/b?c=d', method: 'POST', body: 'hello', token: null })
    expect(echoOf(answer)).toMatchObject({ method: 'POST', url: '/a/b?c=d', body: 'hello' })
  })

  // https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services#Service: output only fields
  test('fills in the fields that are output only, and the defaults', async () => {
    const [service] = await harness.services.getService({ name: nameOf('echo') })
    expect(service).toMatchObject({
      name: nameOf('echo'),
      generation: '1',
      observedGeneration: '1',
      creator: DEPLOYER,
      lastModifier: DEPLOYER,
      reconciling: false,
      uri: addressOf('echo'),
      urls: [addressOf('echo')],
      launchStage: 'GA',
      ingress: 'INGRESS_TRAFFIC_ALL',
      terminalCondition: { type: 'Ready', state: 'CONDITION_SUCCEEDED' },
      template: {
        maxInstanceRequestConcurrency: 80,
        timeout: { seconds: '300' },
        serviceAccount: '123456789012-compute@developer.gserviceaccount.com',
      },
      traffic: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_LATEST', percent: 100 }],
    })
    expect(service.uid).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/)
    expect(service.etag).toMatch(/^".+"$/)
    expect(service.latestReadyRevision).toMatch(/\/services\/echo\/revisions\/echo-00001-[a-z0-9]{3}$/)
    expect(service.latestCreatedRevision).toBe(service.latestReadyRevision)
    expect(Number(service.createTime?.seconds)).toBeGreaterThan(1_700_000_000)
  })

  test('is refused for a name in use', async () => {
    await deploy(harness, 'taken', serviceOf('echo.tar.gz'))
    const again = harness.services.createService({
      parent: PARENT,
      serviceId: 'taken',
      service: serviceOf('echo.tar.gz'),
    })
    await expect(again).rejects.toMatchObject({ code: 6, details: "Resource 'taken' already exists." })
  })

  test('with validate_only returns the service and stores nothing', async () => {
    const [operation] = await harness.services.createService({
      parent: PARENT,
      serviceId: 'imagined',
      service: serviceOf('echo.tar.gz'),
      validateOnly: true,
    })
    expect(operation.latestResponse.done).toBe(true)
    await expect(harness.services.getService({ name: nameOf('imagined') })).rejects.toMatchObject({
      code: 5,
      details: "Resource 'imagined' of kind 'SERVICE' in region 'us-central1' in project 'demo' does not exist.",
    })
  })

  test('from a missing archive fails, and the service says why', async () => {
    const [operation] = await harness.services.createService({
      parent: PARENT,
      serviceId: 'no-archive',
      service: serviceOf('missing.tar.gz'),
    })
    await expect(operation.promise()).rejects.toMatchObject({
      code: 9,
      message: expect.stringContaining('gs://sources/missing.tar.gz'),
    })
    const [service] = await harness.services.getService({ name: nameOf('no-archive') })
    expect(service.terminalCondition).toMatchObject({ state: 'CONDITION_FAILED' })
    expect(service.reconciling).toBe(false)
    expect((await harness.call('no-archive')).status).toBe(404)
  })

  describe.each([
    // https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services/create: serviceId
    ['an id that begins with a digit', '1st', {}, 3, 'service_id'],
    ['an id that ends with a dash', 'ends-', {}, 3, 'service_id'],
    ['an id of 50 characters', 'a'.repeat(50), {}, 3, 'service_id'],
    ['two containers', 'bad', { two: true }, 12, 'sidecars'],
    [
      'an image of another registry',
      'bad',
      { container: { image: 'docker.io/library/node' } },
      12,
      'its own Artifact Registry',
    ],
    [
      'an image with a source archive',
      'bad',
      { container: { image: 'us-docker.pkg.dev/cloudrun/container/hello' } },
      3,
      'only the image "scratch"',
    ],
    ['no base image', 'bad', { container: { baseImageUri: '' } }, 3, 'base_image_uri'],
    ['another base image', 'bad', { container: { baseImageUri: 'x/runtimes/python313' } }, 12, 'python313'],
    ['no command', 'bad', { container: { command: [] } }, 3, 'command'],
    ['a command that is not node', 'bad', { container: { command: ['sh'] } }, 12, '"sh"'],
    // https://cloud.google.com/run/docs/configuring/services/environment-variables#reserved
    ['the reserved variable PORT', 'bad', { container: { env: [{ name: 'PORT', value: '1' }] } }, 3, 'PORT'],
    [
      'the reserved variable K_SERVICE',
      'bad',
      { container: { env: [{ name: 'K_SERVICE', value: '1' }] } },
      3,
      'K_SERVICE',
    ],
    ['a variable with a space', 'bad', { container: { env: [{ name: 'A B', value: '1' }] } }, 3, 'A B'],
    ['a variable set twice', 'bad', { container: { env: [{ name: 'A' }, { name: 'A' }] } }, 3, 'twice'],
    // https://cloud.google.com/run/docs/configuring/request-timeout
    ['a timeout of 3601 s', 'bad', { template: { timeout: { seconds: 3601 } } }, 3, 'timeout'],
    // https://cloud.google.com/run/docs/about-concurrency
    ['a concurrency of 1001', 'bad', { template: { maxInstanceRequestConcurrency: 1001 } }, 3, 'concurrency'],
    // https://cloud.google.com/run/docs/configuring/services/cpu
    ['3 CPU', 'bad', { container: { resources: { limits: { cpu: '3' } } } }, 3, 'cpu'],
    // https://cloud.google.com/run/docs/configuring/services/memory-limits
    ['4 CPU with 1Gi', 'bad', { container: { resources: { limits: { cpu: '4', memory: '1Gi' } } } }, 3, 'memory'],
    ['8Gi with 1 CPU', 'bad', { container: { resources: { limits: { cpu: '1', memory: '8Gi' } } } }, 3, 'memory'],
    ['an unknown resource', 'bad', { container: { resources: { limits: { disk: '1Gi' } } } }, 3, 'disk'],
    [
      'more least than most instances',
      'bad',
      { template: { scaling: { minInstanceCount: 2, maxInstanceCount: 1 } } },
      3,
      'min_instance_count',
    ],
    ['a label in capitals', 'bad', { service: { labels: { Team: 'x' } } }, 3, 'Team'],
    [
      'a label of a system namespace',
      'bad',
      { service: { labels: { 'run.googleapis.com/x': 'y' } } },
      3,
      'system namespace',
    ],
    ['a description of 513 characters', 'bad', { service: { description: 'd'.repeat(513) } }, 3, 'description'],
    ['a revision named after another service', 'bad', { template: { revision: 'other-1' } }, 3, 'template.revision'],
    // https://cloud.google.com/run/docs/configuring/healthchecks
    [
      'a startup probe of 250 s',
      'bad',
      { container: { startupProbe: { tcpSocket: {}, periodSeconds: 50, failureThreshold: 5 } } },
      3,
      'startup_probe',
    ],
    ['a liveness probe by TCP', 'bad', { container: { livenessProbe: { tcpSocket: {} } } }, 3, 'liveness_probe'],
    ['a gRPC probe', 'bad', { container: { startupProbe: { grpc: {} } } }, 12, 'gRPC'],
    ['no ingress at all', 'bad', { service: { ingress: 'INGRESS_TRAFFIC_NONE' } }, 12, 'ingress'],
    ['a VPC connector', 'bad', { template: { vpcAccess: { connector: 'c' } } }, 12, 'vpcAccess'],
    [
      'a secret',
      'bad',
      { container: { env: [{ name: 'S', valueSource: { secretKeyRef: { secret: 's' } } }] } },
      12,
      'Secret',
    ],
  ] as const)('with %s', (_what, serviceId, changes, code, words) => {
    test(`is refused with ${code === 3 ? 'INVALID_ARGUMENT' : 'UNIMPLEMENTED'}`, async () => {
      const service = serviceOf('echo.tar.gz', 'two' in changes ? {} : changes)
      if ('two' in changes) service.template.containers.push({ ...service.template.containers[0]! })
      const refused = harness.services.createService({ parent: PARENT, serviceId, service })
      await expect(refused).rejects.toMatchObject({ code, details: expect.stringContaining(words) })
    })
  })

  test.each(['-', 'global', 'us'])('in the location "%s" is refused: it must be a region', async (location) => {
    const parent = `projects/demo/locations/${location}`
    const refused = harness.services.createService({ parent, serviceId: 'x', service: serviceOf('echo.tar.gz') })
    await expect(refused).rejects.toMatchObject({ code: 3 })
  })
})

describe('updating a service', () => {
  beforeAll(() =>
    deploy(harness, 'changing', serviceOf('echo.tar.gz', { container: { env: [{ name: 'A', value: '1' }] } })),
  )

  test('with a new template creates a new revision and serves it', async () => {
    const [before] = await harness.services.getService({ name: nameOf('changing') })
    const service = serviceOf('echo.tar.gz', { container: { env: [{ name: 'A', value: '2' }] } })
    const [operation] = await harness.services.updateService({ service: { name: nameOf('changing'), ...service } })
    const [after] = await operation.promise()
    expect(Number(after.generation)).toBe(2)
    expect(after.latestReadyRevision).toMatch(/changing-00002-/)
    expect(after.etag).not.toBe(before.etag)
    expect(echoOf(await harness.call('changing')).environment).toMatchObject({ A: '2' })
    const [revisions] = await harness.revisions.listRevisions({ parent: nameOf('changing') })
    expect(revisions.map(({ name }) => name)).toEqual([before.latestReadyRevision, after.latestReadyRevision])
    const [revision] = await harness.revisions.getRevision({ name: after.latestReadyRevision ?? '' })
    expect(revision).toMatchObject({ service: nameOf('changing'), maxInstanceRequestConcurrency: 80 })
  })

  test('with a mask changes only the fields it names', async () => {
    const [operation] = await harness.services.updateService({
      service: {
        name: nameOf('changing'),
        description: 'ignored',
        labels: { team: 'signs' },
        scaling: { maxInstanceCount: 1 },
      },
      updateMask: { paths: ['labels', 'scaling.max_instance_count'] },
    })
    const [after] = await operation.promise()
    expect(after).toMatchObject({ description: '', labels: { team: 'signs' }, scaling: { maxInstanceCount: 1 } })
    expect(after.latestCreatedRevision).toMatch(/changing-00002-/)
    expect(echoOf(await harness.call('changing')).environment).toMatchObject({ A: '2' })
  })

  test('with a mask of an unknown field is refused', async () => {
    const refused = harness.services.updateService({
      service: { name: nameOf('changing') },
      updateMask: { paths: ['colour'] },
    })
    await expect(refused).rejects.toMatchObject({ code: 3, details: expect.stringContaining('colour') })
  })

  // https://cloud.google.com/run/docs/reference/rest/v2/projects.locations.services#Service: etag; https://google.aip.dev/154
  test('with a stale etag is refused with ABORTED', async () => {
    const [service] = await harness.services.getService({ name: nameOf('changing') })
    const [operation] = await harness.services.updateService({ service: { ...service, description: 'first' } })
    await operation.promise()
    const late = harness.services.updateService({ service: { ...service, description: 'second' } })
    await expect(late).rejects.toMatchObject({
      code: 10,
      details: expect.stringContaining("Conflict for resource 'changing'"),
    })
    const [after] = await harness.services.getService({ name: nameOf('changing') })
    expect(after.description).toBe('first')
  })

  test('that does not exist is refused, unless allow_missing creates it', async () => {
    const service = { name: nameOf('new'), ...serviceOf('echo.tar.gz') }
    await expect(harness.services.updateService({ service })).rejects.toMatchObject({ code: 5 })
    const [operation] = await harness.services.updateService({ service, allowMissing: true })
    const [created] = await operation.promise()
    expect(Number(created.generation)).toBe(1)
  })

  test('to a program that does not start leaves the old revision serving', async () => {
    upload(harness, 'broken.tar.gz', { 'server.mjs': 'process.exit(1)' })
    const service = { name: nameOf('changing'), ...serviceOf('broken.tar.gz') }
    const [operation] = await harness.services.updateService({ service })
    await expect(operation.promise()).rejects.toMatchObject({ code: 9 })
    const [after] = await harness.services.getService({ name: nameOf('changing') })
    expect(after.terminalCondition?.state).toBe('CONDITION_FAILED')
    expect(after.latestCreatedRevision).not.toBe(after.latestReadyRevision)
    expect(echoOf(await harness.call('changing')).environment).toMatchObject({ A: '2' })
  })

  // https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration#rollback
  test('to a named older revision rolls back', async () => {
    const [revisions] = await harness.revisions.listRevisions({ parent: nameOf('changing') })
    const first = revisions[0]?.name?.split('/').at(-1) ?? ''
    const [operation] = await harness.services.updateService({
      service: {
        name: nameOf('changing'),
        ...serviceOf('echo.tar.gz', { container: { env: [{ name: 'A', value: '3' }] } }),
        traffic: [{ type: 'TRAFFIC_TARGET_ALLOCATION_TYPE_REVISION', revision: first, percent: 100 }],
      },
    })
    await operation.promise()
    expect(echoOf(await harness.call('changing')).environment).toMatchObject({ A: '1', K_REVISION: first })
  })
})

describe('listing services', () => {
  test('pages through all services in a region', async () => {
    const names: string[] = []
    for await (const service of harness.services.listServicesAsync({ parent: PARENT, pageSize: 2 })) {
      names.push(service.name ?? '')
    }
    expect(names).toEqual([...names].toSorted())
    expect(names).toEqual(expect.arrayContaining([nameOf('changing'), nameOf('echo'), nameOf('new')]))
    const [elsewhere] = await harness.services.listServices({ parent: 'projects/demo/locations/europe-west1' })
    expect(elsewhere).toEqual([])
  })
})

describe('deleting a service', () => {
  test('stops its processes and removes its revisions and its URL', async () => {
    await deploy(harness, 'short-lived', serviceOf('echo.tar.gz'))
    const { pid } = echoOf(await harness.call('short-lived'))
    const [wrong] = await Promise.allSettled([
      harness.services.deleteService({ name: nameOf('short-lived'), etag: '"old"' }),
    ])
    expect(wrong).toMatchObject({ status: 'rejected', reason: { code: 10 } })
    const [operation] = await harness.services.deleteService({ name: nameOf('short-lived') })
    const [deleted] = await operation.promise()
    expect(deleted.deleteTime).toBeTruthy()
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    expect((await harness.call('short-lived')).status).toBe(404)
    await expect(harness.services.getService({ name: nameOf('short-lived') })).rejects.toMatchObject({ code: 5 })
    await expect(harness.services.deleteService({ name: nameOf('short-lived') })).rejects.toMatchObject({ code: 5 })
  })
})

describe('the IAM policy of a service', () => {
  test('is empty at first, with the etag of an unset policy', async () => {
    const [policy] = await harness.services.getIamPolicy({ resource: nameOf('new') })
    expect(policy.bindings).toEqual([])
    // https://cloud.google.com/iam/docs/policies#etag: ACAB
    expect(Buffer.from(policy.etag as Uint8Array).toString('base64')).toBe('ACAB')
  })

  test('is replaced as a whole, and a stale etag is refused with ABORTED', async () => {
    const resource = nameOf('new')
    const [before] = await harness.services.getIamPolicy({ resource })
    const bindings = [{ role: 'roles/run.invoker', members: ['user:a@example.com'] }]
    const [after] = await harness.services.setIamPolicy({ resource, policy: { bindings, etag: before.etag ?? '' } })
    expect(after.bindings).toMatchObject(bindings)
    const late = harness.services.setIamPolicy({ resource, policy: { bindings: [], etag: before.etag ?? '' } })
    await expect(late).rejects.toMatchObject({
      code: 10,
      details: expect.stringContaining('concurrent policy changes'),
    })
    const [read] = await harness.services.getIamPolicy({ resource })
    expect(read.bindings).toMatchObject(bindings)
  })

  test.each([
    [{ role: 'invoker', members: ['allUsers'] }, 3],
    [{ role: 'roles/run.invoker', members: ['someone@example.com'] }, 3],
    [{ role: 'roles/run.invoker', members: ['allUsers'], condition: { expression: 'true' } }, 12],
  ])('refuses %j', async (binding, code) => {
    const refused = harness.services.setIamPolicy({ resource: nameOf('new'), policy: { bindings: [binding] } })
    await expect(refused).rejects.toMatchObject({ code })
  })

  test('tells callers which permissions they have', async () => {
    const permissions = ['run.services.get', 'run.routes.invoke']
    const [held] = await harness.services.testIamPermissions({ resource: nameOf('new'), permissions })
    expect(held.permissions).toEqual(['run.services.get'])
    const [heldThere] = await harness.services.testIamPermissions({ resource: nameOf('echo'), permissions })
    expect(heldThere.permissions).toEqual(permissions)
  })
})

describe('what is not emulated', () => {
  test('answers NOT_FOUND for an unknown operation', async () => {
    const name = `${PARENT}/operations/00000000-0000-4000-8000-000000000000`
    await expect(harness.services.checkCreateServiceProgress(name)).rejects.toMatchObject({ code: 5 })
  })
})
