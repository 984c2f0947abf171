import { closeSync, openSync, writeSync } from 'node:fs'
import { PRIVATE_FILE_MODE } from './kernel/atomic-file.ts'
import type { Clock } from './kernel/clock.ts'
import type { DeliveryRecord } from './kernel/deliver.ts'
import type { CallRecord } from './kernel/gateway.ts'

export interface AccessLog {
  write(record: CallRecord | DeliveryRecord): void
  close(): void
}

/**
 * Appends one line of JSON per API call, once it has ended, and per delivery, before it is sent.
 * Each line is written at once: what a caller has seen is in the log, whenever the cloud is killed.
 */
export function openAccessLog(file: string, clock: Clock): AccessLog {
  const descriptor = openSync(file, 'a', PRIVATE_FILE_MODE)
  let isOpen = true
  return {
    write(record) {
      if (isOpen) writeSync(descriptor, `${JSON.stringify({ time: new Date(clock.now()).toISOString(), ...record })}\n`)
    },
    close() {
      isOpen = false
      closeSync(descriptor)
    },
  }
}
