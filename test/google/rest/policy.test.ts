import { describe, expect, test } from 'vitest'
import { CloudError } from '../../../src/google/transport/errors.ts'
import { changeMemberships, type Binding, type Policy, type PolicyHolder } from '../../../src/google/rest/policy.ts'

const RUNTIME = 'serviceAccount:imagery-runtime@p.iam.gserviceaccount.com'
const INVOKER = 'serviceAccount:imagery-invoker@p.iam.gserviceaccount.com'
const VIEWER = 'roles/viewer'

/** A resource that refuses a policy with a stale etag, as Google's do. */
class Resource implements PolicyHolder {
  bindings: Binding[]
  version = 0
  writes = 0
  /** Called before each write. */
  beforeWrite: () => void = () => undefined

  constructor(bindings: Binding[] = []) {
    this.bindings = bindings
  }

  async read(): Promise<Policy> {
    return { etag: String(this.version), bindings: structuredClone(this.bindings) }
  }

  async write(policy: Policy): Promise<void> {
    this.beforeWrite()
    if (policy.etag !== String(this.version)) throw new CloudError('ABORTED', 'There were concurrent policy changes.')
    this.bindings = policy.bindings ?? []
    this.version++
    this.writes++
  }
}

describe('roles are granted', () => {
  test('in one write, and existing bindings are kept', async () => {
    const resource = new Resource([{ role: VIEWER, members: ['user:a@example.com'] }])
    const add = [
      { role: VIEWER, member: RUNTIME },
      { role: 'roles/editor', member: INVOKER },
    ]
    expect((await changeMemberships(resource, { add })).added).toEqual(add)
    expect(resource.writes).toBe(1)
    expect(resource.bindings).toEqual([
      { role: VIEWER, members: ['user:a@example.com', RUNTIME] },
      { role: 'roles/editor', members: [INVOKER] },
    ])
  })

  test('once, without writing existing bindings again', async () => {
    const resource = new Resource([{ role: VIEWER, members: [RUNTIME] }])
    expect(await changeMemberships(resource, { add: [{ role: VIEWER, member: RUNTIME }] })).toEqual({
      added: [],
      removed: [],
    })
    expect(resource.writes).toBe(0)
  })

  test('even if the same role exists under a condition, which stays unchanged', async () => {
    const conditional = {
      role: VIEWER,
      members: [RUNTIME],
      condition: { expression: 'request.time < timestamp("2030")' },
    }
    const resource = new Resource([conditional])
    await changeMemberships(resource, { add: [{ role: VIEWER, member: RUNTIME }] })
    expect(resource.bindings).toEqual([conditional, { role: VIEWER, members: [RUNTIME] }])
  })

  test('without losing a concurrent change between reading and writing', async () => {
    const resource = new Resource()
    resource.beforeWrite = () => {
      if (resource.version > 0) return
      resource.bindings.push({ role: 'roles/owner', members: ['user:b@example.com'] })
      resource.version++
    }
    await changeMemberships(resource, { add: [{ role: VIEWER, member: RUNTIME }] })
    expect(resource.bindings).toEqual([
      { role: 'roles/owner', members: ['user:b@example.com'] },
      { role: VIEWER, members: [RUNTIME] },
    ])
  })

  test('to an account that IAM sees only a moment later', async () => {
    const resource = new Resource()
    let refusals = 2
    resource.beforeWrite = () => {
      if (refusals-- > 0) throw new CloudError('INVALID_ARGUMENT', `Service account ${RUNTIME} does not exist.`)
    }
    await changeMemberships(resource, { add: [{ role: VIEWER, member: RUNTIME }], settleMs: 10_000 })
    expect(resource.bindings).toEqual([{ role: VIEWER, members: [RUNTIME] }])
  })
})

describe('roles are revoked', () => {
  test('from the named members, and no empty binding is left', async () => {
    const resource = new Resource([
      { role: VIEWER, members: [RUNTIME, 'user:a@example.com'] },
      { role: 'roles/editor', members: [RUNTIME] },
    ])
    const { removed } = await changeMemberships(resource, { remove: ({ member }) => member === RUNTIME })
    expect(removed).toHaveLength(2)
    expect(resource.bindings).toEqual([{ role: VIEWER, members: ['user:a@example.com'] }])
  })

  test('but not under a condition, which imagery never creates', async () => {
    const conditional = { role: VIEWER, members: [RUNTIME], condition: { expression: 'true' } }
    const resource = new Resource([conditional])
    await changeMemberships(resource, { remove: () => true })
    expect(resource.bindings).toEqual([conditional])
    expect(resource.writes).toBe(0)
  })
})

test("a bucket's stale policy is written again after Cloud Storage's own error", async () => {
  const resource = new Resource()
  let conflicts = 1
  resource.beforeWrite = () => {
    const message = 'At least one of the pre-conditions you specified did not hold.'
    if (conflicts-- > 0) throw new CloudError('FAILED_PRECONDITION', message, { reason: 'conditionNotMet' })
  }
  await changeMemberships(resource, { add: [{ role: VIEWER, member: RUNTIME }] })
  expect(resource.writes).toBe(1)
})

test.each([undefined, 'failedPrecondition', 'conditionNotMet'])(
  'a change that an organization policy forbids is tried once, with reason %s',
  async (reason) => {
    const resource = new Resource()
    let tries = 0
    resource.beforeWrite = () => {
      tries++
      const message = 'One or more users named in the policy do not belong to a permitted customer.'
      throw new CloudError('FAILED_PRECONDITION', message, reason === undefined ? {} : { reason })
    }
    await expect(
      changeMemberships(resource, { add: [{ role: VIEWER, member: RUNTIME }], settleMs: 60_000 }),
    ).rejects.toMatchObject({ status: 'FAILED_PRECONDITION' })
    expect(tries).toBe(1)
  },
)

test.each([
  ['NOT_FOUND', 'The specified bucket does not exist.'],
  ['INVALID_ARGUMENT', 'User nobody@example.com does not exist.'],
] as const)('a resource or a person that does not exist is not waited for: %s', async (status, message) => {
  const resource = new Resource()
  let tries = 0
  resource.beforeWrite = () => {
    tries++
    throw new CloudError(status, message)
  }
  await expect(
    changeMemberships(resource, { add: [{ role: VIEWER, member: RUNTIME }], settleMs: 60_000 }),
  ).rejects.toMatchObject({ message })
  expect(tries).toBe(1)
})

test('any other refusal is reported at once', async () => {
  const resource = new Resource()
  resource.beforeWrite = () => {
    throw new CloudError('PERMISSION_DENIED', "Permission 'resourcemanager.projects.setIamPolicy' denied on resource")
  }
  await expect(
    changeMemberships(resource, { add: [{ role: VIEWER, member: RUNTIME }], settleMs: 60_000 }),
  ).rejects.toMatchObject({ permission: 'resourcemanager.projects.setIamPolicy' })
})
