import { execute } from '@oclif/core'

/** Runs the command line of this process. `entry` is the URL of the file that was started. */
export async function main(entry: string): Promise<void> {
  await execute({ dir: entry })
}
