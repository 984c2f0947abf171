import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { bucketName } from '../../src/contracts/names.ts'
import type { DeployContext } from '../../src/services/deploy/context.ts'
import { emulatedProject, type EmulatedProject } from './emulated-project.ts'
import { JumpingClock } from './jumping-clock.ts'

const SUBMIT = 'google.cloud.run.v2.Builds/SubmitBuild'
const OWN = 'us-central1'
/** In which a new project may not build. */
const RESTRICTED = 'europe-west4'

const clock = new JumpingClock()
let emulated: EmulatedProject

beforeAll(async () => {
  emulated = await emulatedProject(clock, { allServicesEnabled: true })
})
afterEach(() => emulated.setFaults([]))
afterAll(async () => {
  // The local cloud does not stop before its builds end, and one takes an hour.
  const stopped = emulated.stop()
  await clock.jump(3_600_000)
  await stopped
})

const buildsIn = async (region: string): Promise<{ id: string; status: string; images: string[] }[]> => {
  const { builds = [] } = await emulated.project.call('GET', `v1/projects/imagery-local/locations/${region}/builds`)
  return builds as { id: string; status: string; images: string[] }[]
}

/** The builds of a deployment's image, in all regions that the tests use. */
async function buildsOf({ target: { place } }: DeployContext): Promise<string[]> {
  const regions = [OWN, RESTRICTED, 'europe-west1']
  const listed = await Promise.all(regions.map(async (region) => ({ region, builds: await buildsIn(region) })))
  const prefix = `${place.region}-docker.pkg.dev/imagery-local/imagery-${place.name}/`
  return listed.flatMap(({ region, builds }) =>
    builds.filter(({ images }) => images[0]?.startsWith(prefix)).map(({ status }) => `${region} ${status}`),
  )
}

const image = async (context: DeployContext): Promise<string> =>
  (await emulated.deploy(context, 'Image'))['Image']!.done

const failing = (method: string, status: 'NOT_FOUND' | 'PERMISSION_DENIED' | 'INTERNAL', times?: number) => ({
  method,
  ...(times === undefined ? {} : { times }),
  seed: 1,
  effect: { kind: 'error', status, message: 'not now' } as const,
})

describe('a build that has started is the only one', () => {
  test('when the answer that names it is lost', async () => {
    await emulated.setFaults([{ method: SUBMIT, times: 1, seed: 1, effect: { kind: 'lose-answer' } }])
    const context = emulated.context(OWN, 'lost')
    expect(await image(context)).toMatch(/^runtime:/)
    expect(await buildsOf(context)).toEqual([`${OWN} SUCCESS`])
  })

  test('when Cloud Run could not take it at first', async () => {
    await emulated.setFaults([failing(SUBMIT, 'INTERNAL', 2)])
    const context = emulated.context(OWN, 'refused')
    await image(context)
    expect(await buildsOf(context)).toEqual([`${OWN} SUCCESS`])
  })

  test('when reading it answers 404, 403 and 500 for a while', async () => {
    await emulated.setFaults(
      (['NOT_FOUND', 'PERMISSION_DENIED', 'INTERNAL'] as const).map((status) => ({
        ...failing('cloudbuild.builds.get', status),
        times: 3,
      })),
    )
    const context = emulated.context(OWN, 'poll')
    const { details } = (await emulated.deploy(context, 'Image'))['Image']!
    expect(details).toContainEqual(
      expect.stringMatching(/^build [\w-]+ cannot be read \(not now\); trying again for at most 1 min$/),
    )
    expect(await buildsOf(context)).toEqual([`${OWN} SUCCESS`])
  })

  test('when it is missing after it was read: it is not watched any longer', async () => {
    const context = emulated.context(OWN, 'lost-later')
    await emulated.deploy(context, 'Roles on the bucket and accounts')
    await emulated.setFaults([
      ...[2, 3, 4, 5].map((nth) => ({ ...failing('cloudbuild.builds.get', 'NOT_FOUND'), nth })),
      { method: `operation/${SUBMIT}`, seed: 1, effect: { kind: 'delay', delayMs: 900_000 } },
    ])
    const startedMs = clock.now()
    await expect(image(context)).rejects.toMatchObject({ message: expect.stringContaining('cannot be read') as string })
    expect(clock.now() - startedMs).toBeLessThan(60_000)
  })

  test('when a Ctrl-C ends the wait for it: the next deploy waits for the same one', async () => {
    const cancel = new AbortController()
    const context = { ...emulated.context(OWN, 'stopped'), signal: cancel.signal }
    await emulated.deploy(context, 'Roles on the bucket and accounts')
    await emulated.setFaults([
      { method: `operation/${SUBMIT}`, seed: 1, effect: { kind: 'delay', delayMs: 3_600_000 } },
    ])
    setTimeout(() => cancel.abort(new Error('interrupted')), 300)
    await expect(image(context)).rejects.toThrow('interrupted')
    expect(await buildsOf(context)).toHaveLength(1)
  })

  test('when it cannot be read at all, and has ended well', async () => {
    await emulated.setFaults([failing('cloudbuild.builds.get', 'PERMISSION_DENIED')])
    const context = emulated.context(OWN, 'unread')
    expect(await image(context)).toMatch(/^runtime:/)
    expect(await buildsOf(context)).toEqual([`${OWN} SUCCESS`])
  })

  test.each([OWN, RESTRICTED])(
    'when it cannot be read and the deploy in %s gives up: the next waits for it',
    async (region) => {
      const context = emulated.context(region, 'left')
      await emulated.deploy(context, 'Roles on the bucket and accounts')
      await emulated.setFaults([
        failing('cloudbuild.builds.get', 'PERMISSION_DENIED'),
        { method: `operation/${SUBMIT}`, seed: 1, effect: { kind: 'delay', delayMs: 900_000 } },
      ])
      await expect(image(context)).rejects.toMatchObject({
        code: 'DEPLOYMENT_FAILED',
        message: expect.stringMatching(
          /build [\w-]+ was started in [\w-]+ and cannot be read: .*\(its log: /,
        ) as string,
      })
      expect(await buildsOf(context)).toHaveLength(1)
      await emulated.setFaults([])
      expect(await image(emulated.context(region, 'left'))).toMatch(/^runtime:/)
      expect(await buildsOf(context)).toEqual([`${region === OWN ? OWN : 'europe-west1'} SUCCESS`])
    },
  )
})

describe('where Cloud Build does not build for the project', () => {
  test('the nearest region where it does builds the image, is said and remembered', async () => {
    const context = emulated.context(RESTRICTED, 'near')
    const said = (await emulated.deploy(context, 'Image'))['Image']!
    expect(said.done).toMatch(/^runtime:[0-9a-f]+, built in europe-west1$/)
    expect(said.details).toContain(
      `Cloud Build does not build in ${RESTRICTED} for this project; building in europe-west1`,
    )
    expect(await buildsOf(context)).toEqual(['europe-west1 SUCCESS'])
    const { labels } = await emulated.project.call('GET', `storage/v1/b/${bucketName(context.target.place)}`)
    expect(labels).toMatchObject({ 'imagery-build-region': 'europe-west1', 'imagery-deployment': 'imagery-near' })

    const refused = emulated.calls(SUBMIT).filter(({ status }) => status === 'FAILED_PRECONDITION').length
    await deleteImage(context)
    await image(emulated.context(RESTRICTED, 'near'))
    expect(await buildsOf(context)).toEqual(['europe-west1 SUCCESS', 'europe-west1 SUCCESS'])
    // It was not asked again where it does not build.
    expect(emulated.calls(SUBMIT).filter(({ status }) => status === 'FAILED_PRECONDITION')).toHaveLength(refused)
  })

  test('a region without Cloud Build is no obstacle', async () => {
    const context = emulated.context('asia-southeast3', 'without')
    expect(await image(context)).toMatch(/, built in asia-east1$/)
  })

  test('a deploy without a build is suggested when no region does', async () => {
    await emulated.setFaults([
      {
        method: SUBMIT,
        seed: 1,
        effect: {
          kind: 'error',
          status: 'FAILED_PRECONDITION',
          message:
            'failed precondition: due to quota restrictions, cannot run builds in this region. Please contact support',
        },
      },
    ])
    await expect(image(emulated.context(RESTRICTED, 'nowhere'))).rejects.toMatchObject({
      code: 'DEPLOYMENT_FAILED',
      message: expect.stringMatching(
        /does not build for project imagery-local in any of europe-west4, europe-west1, /,
      ) as string,
      suggestions: expect.arrayContaining([expect.stringContaining('imagery deploy --no-build')]) as string[],
    })
  })
})

async function deleteImage({ target: { place } }: DeployContext): Promise<void> {
  const image = `v1/projects/imagery-local/locations/${place.region}/repositories/imagery-${place.name}/packages/runtime`
  const { versions = [] } = (await emulated.project.call('GET', `${image}/versions`)) as {
    versions?: { name: string }[]
  }
  for (const { name } of versions) await emulated.project.call('DELETE', `v1/${name}?force=true`)
  await expect.poll(() => emulated.project.call('GET', image).catch(() => 'gone')).toBe('gone')
}
