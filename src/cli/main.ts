import { execute } from '@oclif/core'
import { guardOutput } from './output-streams.ts'

/** For what a command has left under way on purpose: nothing takes longer. */
const LINGER_MS = 3_000

/** Runs the command line of this process. `entry` is the URL of the file that was started. */
export async function main(entry: string): Promise<void> {
  guardOutput()
  await execute({ dir: entry })
  // A call that was given up may go on asking in the background; its answer interests nobody any more.
  setTimeout(leave, LINGER_MS).unref()
}

/** Ends the process once all that it has printed is with its reader. */
function leave(): void {
  if (process.stdout.writableLength + process.stderr.writableLength > 0) setTimeout(leave, LINGER_MS).unref()
  else process.exit()
}
