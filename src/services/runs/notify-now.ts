import type { RunSpec } from '../../contracts/run-spec.ts'
import { callService } from '../../google/cloud-run/invoke.ts'
import { runControlsOf } from '../../run-data/run-stop.ts'
import { findDeployment } from '../session/target.ts'

/**
 * Lets the services publish the messages about a run that are missing. Returns why they could not; undefined if they did,
 * or the run has no topic. The services also do this by themselves, within a minute.
 */
export async function notifyNow(spec: RunSpec, mainUrl?: string): Promise<string | undefined> {
  const { notify_topic: topic } = await runControlsOf(spec)
  if (topic === null) return undefined
  try {
    const url = mainUrl ?? (await findDeployment(spec.place))?.mainUrl
    if (url === undefined) return `${topic} was not notified: imagery is not deployed`
    const { status, body } = await callService(url, '/notify', {
      method: 'POST',
      body: { v: 1, run_id: spec.run_id },
      timeoutMs: 60_000,
    })
    const { error } = body as { error?: { message?: string } }
    return status === 200 ? undefined : `${topic} was not notified: ${error?.message ?? `HTTP ${status}`}`
  } catch (error) {
    return `${topic} was not notified: ${(error as Error).message}`
  }
}
