import { isolationSource } from './isolation.ts'

/** The descriptor that ties an instance's process to the local cloud: a pipe without a writer. */
export const GUARD_DESCRIPTOR = 3

/*
 * Runs in the instance's process before its program. The kernel closes the pipe when the local cloud
 * ends for any reason, including kill -9, and then the process must end too. Worker threads and forked
 * processes inherit the flag but not the pipe, so the guard ignores them.
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

/**
 * Node options that make a child of this process end when this process does, and close its ports to everything except
 * the front door.
 */
export function guardOptions(): string[] {
  const source = isolationSource() + guardSource(process.pid)
  return ['--import', `data:text/javascript,${encodeURIComponent(source)}`]
}
