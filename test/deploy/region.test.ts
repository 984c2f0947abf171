import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { DoctorContext, Finding } from '../../src/services/doctor/check.ts'
import { region } from '../../src/services/doctor/region.ts'
import { emulatedProject, type EmulatedProject } from './emulated-project.ts'
import { JumpingClock } from './jumping-clock.ts'

const LIST = 'google.cloud.tasks.v2.Locations/ListLocations'

let emulated: EmulatedProject

beforeAll(async () => {
  emulated = await emulatedProject(new JumpingClock(), { allServicesEnabled: true })
})
afterEach(() => emulated.setFaults([]))
afterAll(() => emulated.stop())

const look = (name: string): Promise<Finding> => region.run(emulated.context(name) as unknown as DoctorContext)

test.each([
  ['europe-west4', ['europe-west3', 'europe-west1', 'europe-west2']],
  ['us-east5', ['us-east4', 'us-east1', 'northamerica-northeast1']],
  ['europe-north1', ['europe-central2', 'europe-west3', 'europe-west1']],
])(
  'a region of Cloud Run without Cloud Tasks, %s, fails with the nearest regions that have both',
  async (name, near) => {
    expect(await look(name)).toEqual({
      status: 'failed',
      detail: `Cloud Tasks is not available in ${name}; the nearest regions with Cloud Run and Cloud Tasks are ${near.join(', ')}`,
      fixes: [`imagery config set region ${near[0]}`],
    })
  },
)

test('a region with both passes', async () => {
  expect(await look('europe-west1')).toEqual({ status: 'ok', detail: 'europe-west1', fixes: [] })
})

test('an account that may not ask Cloud Tasks gets the answer of its page, with the date', async () => {
  await emulated.setFaults([{ method: LIST, seed: 1, effect: { kind: 'error', status: 'PERMISSION_DENIED' } }])
  expect((await look('europe-west1')).status).toBe('ok')
  expect(await look('us-south1')).toMatchObject({
    status: 'failed',
    detail: expect.stringMatching(/^Cloud Tasks is not available in us-south1 \(as of \d{4}-\d\d-\d\d\); /) as string,
  })
})

test('a region without Cloud Run fails whatever Cloud Tasks says, and nothing is known while Cloud Tasks is off', async () => {
  await emulated.project.call('POST', 'v1/projects/imagery-local/services/cloudtasks.googleapis.com:disable', {})
  await expect
    .poll(() => look('europe-west1').catch((error: unknown) => error))
    .toMatchObject({ reason: 'SERVICE_DISABLED' })
  expect(await look('us-atlantis1')).toMatchObject({
    status: 'failed',
    detail: expect.stringMatching(/^Cloud Run and Cloud Tasks are not available in us-atlantis1 \(as of /) as string,
  })
})
