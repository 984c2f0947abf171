import * as z from 'zod'
import { bucketName, runNotifiedPath } from '../contracts/names.ts'
import type { RunSpec } from '../contracts/run-spec.ts'
import { deleteObject, objectGeneration, readObject, writeObject } from '../google/storage/storage.ts'
import { ifFound, succeeds } from '../google/transport/errors.ts'

type RunRef = Pick<RunSpec, 'run_id' | 'place'>

/** `runs/<run_id>/notified/<event>`: who publishes the message about an event, and whether it is published. */
const marker = z.object({ claimed_at: z.iso.datetime(), sent_at: z.iso.datetime().nullable() })

/** After this long, a process that has claimed an event without publishing it is taken to be dead. Longer than a call takes. */
const DEAD_MS = 120_000

/** Whether this process may publish the message about an event, or another has done so or is doing so. */
export type Claim = 'ours' | 'sent' | 'being sent'

/** Claims an event. Of several processes, one gets it; another one gets it again if that one dies before it publishes. */
export async function claimNotification(run: RunRef, event: string, nowMs: number): Promise<Claim> {
  const claimed = { claimed_at: new Date(nowMs).toISOString(), sent_at: null }
  if (await write(run, event, claimed, '0')) return 'ours'
  const uri = markerUri(run, event)
  const generation = await objectGeneration(uri)
  if (generation === undefined) return 'being sent'
  const bytes = await ifFound(readObject(`${uri}#${generation}`))
  // Another process has just published the message, or given the claim back: the next call finds out.
  if (!bytes) return 'being sent'
  const { claimed_at: since, sent_at: sentAt } = marker.parse(JSON.parse(bytes.toString('utf8')))
  if (sentAt !== null) return 'sent'
  if (nowMs - Date.parse(since) < DEAD_MS) return 'being sent'
  return (await write(run, event, claimed, generation)) ? 'ours' : 'being sent'
}

/** Records that the message about a claimed event is published. */
export async function noteSent(run: RunRef, event: string, nowMs: number): Promise<void> {
  const at = new Date(nowMs).toISOString()
  await write(run, event, { claimed_at: at, sent_at: at }, undefined)
}

/** Gives a claim back, because the message could not be published. */
export async function releaseClaim(run: RunRef, event: string): Promise<void> {
  await deleteObject(markerUri(run, event))
}

/** Returns whether it was written: false if the object has another generation. */
async function write(
  run: RunRef,
  event: string,
  content: z.infer<typeof marker>,
  onlyGeneration: string | undefined,
): Promise<boolean> {
  const written = writeObject(markerUri(run, event), JSON.stringify(content), {
    contentType: 'application/json',
    ...(onlyGeneration === undefined ? {} : { onlyGeneration }),
  })
  return succeeds(written, 'FAILED_PRECONDITION')
}

function markerUri({ place, run_id: runId }: RunRef, event: string): string {
  return `gs://${bucketName(place)}/${runNotifiedPath(runId, event)}`
}
