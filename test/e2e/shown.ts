import type { Readable } from 'node:stream'

/** Waits until a process has written `mark` to stderr. */
export async function shown(child: { stderr: Readable | null }, mark: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    let seen = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      seen += String(chunk)
      if (seen.includes(mark)) resolve()
    })
    child.stderr?.on('end', () => reject(new Error(`${mark} is not in ${seen}`)))
  })
}
