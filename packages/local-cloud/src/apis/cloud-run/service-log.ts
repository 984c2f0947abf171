import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'
import { LOG_FILE_MAX_BYTES } from './limits.ts'

/** The output of a service's processes, and Cloud Run's messages about them. */
export interface ServiceLog {
  /** Copies whole lines of a process's stdout or stderr unchanged. */
  follow(stream: Readable): void
  /** Writes a line of Cloud Run itself, in the JSON form of Cloud Logging. */
  system(severity: 'INFO' | 'WARNING' | 'ERROR', message: string, revision: string): void
  close(): void
}

/**
 * Opens `<directory>/<service>.log` for appending. At 10 MB it becomes `<service>.log.1`, and the
 * one before that is dropped. Every line also goes to `log`, with the service's name before it.
 */
export function openServiceLog(
  directory: string,
  service: string,
  clock: Clock,
  log: (line: string) => void,
): ServiceLog {
  mkdirSync(directory, { recursive: true })
  const file = path.join(directory, `${service}.log`)
  let descriptor: number | undefined = openSync(file, 'a', 0o600)
  let size = fstatSync(descriptor).size
  let isClosed = false

  const write = (lines: string): void => {
    if (isClosed) return
    try {
      if (size >= LOG_FILE_MAX_BYTES && descriptor !== undefined) {
        const full = descriptor
        descriptor = undefined
        closeSync(full)
        renameSync(file, `${file}.1`)
      }
      if (descriptor === undefined) {
        descriptor = openSync(file, 'a', 0o600)
        size = fstatSync(descriptor).size
      }
      size += writeSync(descriptor, lines)
    } catch (error) {
      // A full disk, or too many open files, must not stop the local cloud; the line is still shown below.
      log(`[${service}] cannot write to ${file}: ${String(error)}`)
    }
    for (const line of lines.slice(0, -1).split('\n')) log(`[${service}] ${line}`)
  }

  return {
    follow(stream) {
      const decoder = new StringDecoder('utf8')
      let rest = ''
      stream.on('data', (chunk: Buffer) => {
        const text = rest + decoder.write(chunk)
        const end = text.lastIndexOf('\n') + 1
        rest = text.slice(end)
        if (end > 0) write(text.slice(0, end))
      })
      stream.on('close', () => {
        if (rest !== '') write(`${rest}\n`)
        rest = ''
      })
    },
    system(severity, message, revision) {
      const labels = { service_name: service, revision_name: revision }
      write(`${JSON.stringify({ time: new Date(clock.now()).toISOString(), severity, message, labels })}\n`)
    },
    close() {
      isClosed = true
      if (descriptor !== undefined) closeSync(descriptor)
      descriptor = undefined
    },
  }
}
