import { writeFileSync } from 'node:fs'
import path from 'node:path'

/** Writes an object of the logs bucket, replacing it. */
export type WriteLog = (bucket: string, object: string, text: string) => Promise<void>

/** The log of one build: `gs://<logs bucket>/log-<build id>.txt`, which grows during the build, and a file for a person. */
export class BuildLog {
  readonly #write: WriteLog
  readonly #bucket: string
  readonly #object: string
  readonly #file: string
  #text = ''

  constructor(options: { write: WriteLog; bucket: string; folder: string; buildId: string }) {
    this.#write = options.write
    this.#bucket = options.bucket.replace('gs://', '')
    this.#object = `log-${options.buildId}.txt`
    this.#file = path.join(options.folder, this.#object)
  }

  /** Appends lines; resolves when they can be read. */
  async add(...lines: string[]): Promise<void> {
    this.#text += lines.map((line) => `${line}\n`).join('')
    writeFileSync(this.#file, this.#text)
    await this.#write(this.#bucket, this.#object, this.#text)
  }
}
