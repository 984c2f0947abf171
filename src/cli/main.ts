import { execute } from '@oclif/core'
import { guardOutput } from './output-streams.ts'

/** Time for work that a command leaves in progress on purpose. */
const LINGER_MS = 3_000

/** Runs the command line of this process. `entry` is the URL of the file that was started. */
export async function main(entry: string): Promise<void> {
  guardOutput()
  await execute({ dir: entry })
  // An abandoned call can keep retrying in the background; its answer is no longer needed.
  setTimeout(leave, LINGER_MS).unref()
}

/** Ends the process once its output has reached the reader. */
function leave(): void {
  if (process.stdout.writableLength + process.stderr.writableLength > 0) setTimeout(leave, LINGER_MS).unref()
  else process.exit()
}
