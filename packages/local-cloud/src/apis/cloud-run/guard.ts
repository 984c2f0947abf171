import { isolationSource } from './isolation.ts'

/** The descriptor that ties an instance's process to the local cloud: a pipe that nobody writes to. */
export const GUARD_DESCRIPTOR = 3

/*
 * Runs in the instance's process before its program. The kernel closes the pipe when the local
 * cloud is gone, however it went (kill -9 included), and then the process has nobody left to serve.
 * Worker threads and processes forked by the program inherit the flag, but not the pipe: the guard
 * leaves them alone.
 */
const guardSource = (parentPid: number): string => `
import { Socket } from 'node:net'
import { isMainThread } from 'node:worker_threads'
if (isMainThread && process.ppid === ${parentPid}) {
  const parent = new Socket({ fd: ${GUARD_DESCRIPTOR} })
  const leave = () => process.kill(process.pid, 'SIGKILL')
  parent.on('error', leave).on('close', leave).resume().unref()
}
`

/** Node options that make a child of this process end when this process does, and close its ports to all but the front door. */
export function guardOptions(): string[] {
  const source = isolationSource() + guardSource(process.pid)
  return ['--import', `data:text/javascript,${encodeURIComponent(source)}`]
}
