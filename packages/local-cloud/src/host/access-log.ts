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
 * Appends one line of JSON per API call, once it has ended, and per delivery, before it is sent.
 * Each line is written at once: what a caller has seen is in the log, whenever the cloud is killed.
 * Lines that the disk refuses are counted, and missed.
 *
 * @param log told when lines are missed
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
        if (lost > 0) log(`the access log ${file} goes on; ${lost} lines are missing`)
        lost = 0
      } catch (error) {
        // What the call itself has come to is its caller's to know, whether or not it can be noted here.
        if (lost === 0) log(`the access log ${file} cannot be written, and misses lines: ${String(error)}`)
        lost += 1
      }
    },
    close() {
      isOpen = false
      closeSync(descriptor)
    },
  }
}
