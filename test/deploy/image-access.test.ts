import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { bucketName } from '../../src/contracts/names.ts'
import { writeObject } from '../../src/google/storage/storage.ts'
import type { DeployContext } from '../../src/services/deploy/context.ts'
import { emulatedProject, type EmulatedProject } from './emulated-project.ts'
import { JumpingClock } from './jumping-clock.ts'

const STEP = 'Image access for Vertex AI'
const IDENTITY = 'serviceusage.services.generateServiceIdentity'
const OWN = 'us-central1'

let emulated: EmulatedProject

beforeAll(async () => {
  emulated = await emulatedProject(new JumpingClock())
})
afterEach(() => emulated.setFaults([]))
afterAll(() => emulated.stop())

/** Who may read the objects of a deployment's bucket, besides its project's owners. */
async function readers({ target: { place } }: DeployContext): Promise<string[]> {
  const { bindings } = await emulated.project.call('GET', `storage/v1/b/${bucketName(place)}/iam`)
  const own = bindings as { role: string; members: string[] }[]
  return own.filter(({ role }) => role === 'roles/storage.objectViewer').flatMap(({ members }) => members)
}

/** What Vertex AI answers about an image in the deployment's bucket: `ok`, or the refusal. */
async function answerAbout(uri: string): Promise<string> {
  const route = 'v1/projects/imagery-local/locations/global/publishers/google/models/gemini-3.5-flash-lite:countTokens'
  const parts = [{ text: 'What is this?' }, { fileData: { fileUri: uri, mimeType: 'image/jpeg' } }]
  return emulated.project.call('POST', route, { contents: [{ role: 'user', parts }] }).then(
    () => 'ok',
    (error: unknown) => String(error),
  )
}

describe('a deploy into a new project', () => {
  test("creates Vertex AI's service agent and lets it read the bucket, so that a staged image is read", async () => {
    const context = emulated.context(OWN)
    const said = await emulated.deploy(context, STEP)
    const agent = `service-${emulated.cloud.locator.projectNumber}@gcp-sa-aiplatform.iam.gserviceaccount.com`
    expect(said[STEP]!.done).toBe(agent)
    expect(await readers(context)).toContain(`serviceAccount:${agent}`)
    const bucket = bucketName(context.target.place)
    await writeObject(`gs://${bucket}/a.jpg`, Buffer.from([0xff, 0xd8, 0xff, 0xe0]), { contentType: 'image/jpeg' })
    expect(await answerAbout(`gs://${bucket}/a.jpg`)).toBe('ok')
  })

  test('does nothing when both exist', async () => {
    const before = emulated.calls(IDENTITY).length
    expect((await emulated.deploy(emulated.context(OWN), STEP))[STEP]!.done).toBe('up to date')
    expect(emulated.calls(IDENTITY)).toHaveLength(before)
  })
})
