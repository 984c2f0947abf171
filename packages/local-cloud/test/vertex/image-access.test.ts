import { afterEach, describe, expect, it } from 'vitest'
import { ManualClock } from '../../src/kernel/clock.ts'
import {
  about,
  AGENT,
  IMAGE,
  JPEG,
  post,
  startVertex,
  type Refusal,
  type Vertex,
  type VertexOptions,
} from './vertex-fixture.ts'

const OWN = 'gs://own-images/signs/o1.jpg'
let vertex: Vertex

afterEach(() => vertex.stop())

async function start(options: VertexOptions): Promise<Vertex> {
  vertex = await startVertex({ script: 'seed: 1', objects: new Map([[OWN, JPEG]]), ...options })
  return vertex
}

/** Returns `ok`, or the status of the refusal. */
async function answerTo(body: unknown): Promise<string> {
  const answer = await post(vertex, body)
  if (answer.status === 200) return 'ok'
  const { error } = (await answer.json()) as Refusal
  return `${answer.status} ${error.status}`
}

const ask = (uri: string): Promise<string> => answerTo({ contents: about(uri) })

describe('an image in Cloud Storage', () => {
  // https://cloud.google.com/vertex-ai/docs/general/access-control#service-agents
  it('is read as the service agent, not as the caller', async () => {
    let mayRead = false
    await start({ mayRead: () => mayRead })
    expect(await ask(OWN)).toBe('403 PERMISSION_DENIED')
    mayRead = true
    expect(await ask(OWN)).toBe('ok')
  })

  it('that the agent may not read is refused in the same words whether it exists or not', async () => {
    await start({ mayRead: () => false })
    expect(await ask('gs://own-images/missing.jpg')).toBe('403 PERMISSION_DENIED')
  })

  it("in another project's bucket is assumed to be readable", async () => {
    await start({ mayRead: () => false })
    expect(await ask(IMAGE)).toBe('ok')
  })
})

describe('a project without the service agent', () => {
  // GoogleCloudPlatform/generative-ai#1308; https://firebase.google.com/docs/ai-logic/error-codes
  it('is answered 400 FAILED_PRECONDITION for a while by the request that creates it, and by those after it', async () => {
    const clock = new ManualClock()
    const agents = new Map<string, { createdMs: number }>()
    await start({ clock, agents, agentDelayMs: 120_000 })
    expect(await ask(IMAGE)).toBe('400 FAILED_PRECONDITION')
    expect([...agents.keys()]).toEqual([AGENT])
    await clock.advance(119_999)
    expect(await ask(IMAGE)).toBe('400 FAILED_PRECONDITION')
    await clock.advance(1)
    expect(await ask(IMAGE)).toBe('ok')
  })

  it('needs none for images in the request', async () => {
    await start({ agents: new Map() })
    const inline = { inlineData: { mimeType: 'image/jpeg', data: JPEG.toString('base64') } }
    expect(await answerTo({ contents: [{ role: 'user', parts: [{ text: 'What is this?' }, inline] }] })).toBe('ok')
  })
})
