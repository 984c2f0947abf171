import { cp, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import * as z from 'zod'
import { newUser, ROOT, type ImageryUser } from '../cli/imagery-process.ts'

const SAMPLES = path.join(ROOT, 'samples', 'street-signs')

/** Sets `globalThis.hasRun` wherever it runs. */
const SCRIPT = 'globalThis.hasRun=true'

/** Texts that would run as a script where a page takes them for markup. */
export const HOSTILE = [
  `</script><script>${SCRIPT}</script>`,
  `<!--<script>${SCRIPT}//`,
  `"><img src=x onerror=${SCRIPT}>\u2028`,
]

const report = z.object({ run_id: z.string(), units: z.object({ ok: z.number(), failed: z.number() }) })

/** A user with a local cloud that has one complete run. */
export interface RunUser {
  user: ImageryUser
  runId: string
}

/**
 * Runs the sample with its two broken images, and with assets whose IDs, kept values and error messages are hostile.
 *
 * @returns 17 assets: 12 with an answer, 5 that failed
 */
export async function startHostileRun(): Promise<RunUser> {
  const user = await newUser({ isWarm: true })
  try {
    await user.startLocalCloud()
    await cp(path.join(SAMPLES, 'images'), path.join(user.folder, 'images'), { recursive: true })
    const sample = await readFile(path.join(SAMPLES, 'with-faults.jsonl'), 'utf8')
    const rows = HOSTILE.map((text, index) =>
      JSON.stringify({
        asset_id: `hostile ${text}`,
        asset_type: text,
        observation_id: `o${index}`,
        location: { latitude: 40.02 + index / 1_000, longitude: -105.27 },
        gcs_uri: `images/${text.replaceAll('/', '')}.jpg`,
      }),
    )
    const table = path.join(user.folder, 'signs.jsonl')
    await writeFile(table, `${sample.trimEnd()}\n${rows.join('\n')}\n`)
    const command = ['run', '--local', '--table', table, '--profile', 'image-quality', '--keep', 'asset_type', '--json']
    const { stdout, json } = await user.run(command)
    const { run_id: runId, units } = report.parse(json())
    if (units.ok !== 12 || units.failed !== 5) throw new Error(stdout)
    return { user, runId }
  } catch (error) {
    await user.leave()
    throw error
  }
}
