import { closeSync, fstatSync, mkdirSync, openSync, renameSync, writeSync } from 'node:fs'
import path from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import type { Readable } from 'node:stream'
import type { Clock } from '../../kernel/clock.ts'
import { LOG_FILE_MAX_BYTES } from './limits.ts'

/**
 * The output of a service's processes, and Cloud Run's messages about them, in `<directory>/<service>.log`. At 10 MB
 * the file becomes `<service>.log.1`, which replaces the one before. Every line also goes to `log`, after the service's
 * name.
 */
export class ServiceLog {
  readonly #service: string
  readonly #file: string
  readonly #clock: Clock
  readonly #log: (line: string) => void
  /** Undefined while the next file is not open yet. */
  #descriptor: number | undefined
  #size: number
  #isClosed = false

  /** Opens the file for appending. */
  constructor(directory: string, service: string, clock: Clock, log: (line: string) => void) {
    mkdirSync(directory, { recursive: true })
    this.#service = service
    this.#file = path.join(directory, `${service}.log`)
    this.#clock = clock
    this.#log = log
    this.#descriptor = openSync(this.#file, 'a', 0o600)
    this.#size = fstatSync(this.#descriptor).size
  }

  /** Copies whole lines of a process's stdout or stderr unchanged. */
  follow(stream: Readable): void {
    const decoder = new StringDecoder('utf8')
    let rest = ''
    stream.on('data', (chunk: Buffer) => {
      const text = rest + decoder.write(chunk)
      const end = text.lastIndexOf('\n') + 1
      rest = text.slice(end)
      if (end > 0) this.#write(text.slice(0, end))
    })
    stream.on('close', () => {
      if (rest !== '') this.#write(`${rest}\n`)
      rest = ''
    })
  }

  /** Writes a line of Cloud Run itself, in the JSON form of Cloud Logging. */
  system(severity: 'INFO' | 'WARNING' | 'ERROR', message: string, revision: string): void {
    const labels = { service_name: this.#service, revision_name: revision }
    this.#write(`${JSON.stringify({ time: new Date(this.#clock.now()).toISOString(), severity, message, labels })}\n`)
  }

  close(): void {
    this.#isClosed = true
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #write(lines: string): void {
    if (this.#isClosed) return
    try {
      const descriptor = this.#writable()
      this.#size += writeSync(descriptor, lines)
    } catch (error) {
      // A full disk, or too many open files, must not stop the local cloud; the line is still shown below.
      this.#log(`[${this.#service}] cannot write to ${this.#file}: ${String(error)}`)
    }
    for (const line of lines.slice(0, -1).split('\n')) this.#log(`[${this.#service}] ${line}`)
  }

  /** Returns the open file; a new one when the last one is full. */
  #writable(): number {
    if (this.#size >= LOG_FILE_MAX_BYTES && this.#descriptor !== undefined) {
      const full = this.#descriptor
      this.#descriptor = undefined
      closeSync(full)
      renameSync(this.#file, `${this.#file}.1`)
    }
    if (this.#descriptor === undefined) {
      this.#descriptor = openSync(this.#file, 'a', 0o600)
      this.#size = fstatSync(this.#descriptor).size
    }
    return this.#descriptor
  }
}
