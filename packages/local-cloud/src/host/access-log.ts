import { closeSync, openSync, writeSync } from 'node:fs'
import { PRIVATE_FILE_MODE } from '../kernel/atomic-file.ts'
import type { Clock } from '../kernel/clock.ts'
import type { DeliveryRecord } from '../kernel/deliver.ts'
import type { CallRecord } from '../kernel/gateway.ts'

export interface AccessLog {
  write(record: CallRecord | DeliveryRecord): void
  close(): void
}

/**
 * Appends one JSON line per API call, after it ends, and per delivery, before it is sent. Each line is
 * written immediately, so everything that a caller saw is in the log even if the cloud is killed. Lines
 * that cannot be written are counted and dropped.
 *
 * @param log called when lines are dropped
 */
export function openAccessLog(file: string, clock: Clock, log: (line: string) => void): AccessLog {
  const descriptor = openSync(file, 'a', PRIVATE_FILE_MODE)
  let isOpen = true
  let lost = 0
  return {
    write(record) {
      if (!isOpen) return
      const line = `${JSON.stringify({ time: new Date(clock.now()).toISOString(), ...record })}\n`
      try {
        writeSync(descriptor, line)
        if (lost > 0) log(`writing to the access log ${file} works again; ${lost} lines are missing`)
        lost = 0
      } catch (error) {
        // The caller must get the call's outcome, whether or not it can be logged here.
        if (lost === 0) log(`cannot write to the access log ${file}; lines will be missing: ${String(error)}`)
        lost += 1
      }
    },
    close() {
      isOpen = false
      closeSync(descriptor)
    },
  }
}
