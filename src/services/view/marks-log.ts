import { open, stat } from 'node:fs/promises'
import path from 'node:path'
import type { Mark } from '@imagery/viewer/contract/review'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { ImageryError } from '../../contracts/errors.ts'
import { makeFolder } from '../local/make-folder.ts'
import { readMarks, type ClearedMark } from '../results/marks-file.ts'

/**
 * The marks of a run's review, in a file to which lines are only added. Several programs can add to it at once: each line
 * goes to the end in one piece, and each look at the marks reads what the others have added.
 */
export class MarksLog {
  readonly #file: string
  #read: { size: number; modifiedMs: number } | undefined
  #marks: ReadonlyMap<string, Mark> = new Map()
  /** Writes of this process, one after the other. */
  #writes: Promise<unknown> = Promise.resolve()

  constructor(file: string) {
    this.#file = file
  }

  /** Returns the marks by unit, the same map as before if nothing has changed. @throws ImageryError as `readMarks` */
  async marks(): Promise<ReadonlyMap<string, Mark>> {
    const status = await stat(this.#file).catch(() => undefined)
    const now = { size: status?.size ?? 0, modifiedMs: status?.mtimeMs ?? 0 }
    if (this.#read?.size === now.size && this.#read.modifiedMs === now.modifiedMs) return this.#marks
    // A line that is added meanwhile is read again next time.
    this.#marks = new Map((await readMarks(this.#file)).map((mark) => [mark.unit_id, mark]))
    this.#read = now
    return this.#marks
  }

  /** Adds a mark, or removes those of a unit. Resolves when the line is on the disk. @throws ImageryError FILE_NOT_WRITABLE */
  async add(line: Mark | ClearedMark): Promise<void> {
    const written = this.#writes.then(() => this.#append(line))
    this.#writes = written.catch(() => undefined)
    return written
  }

  async #append(line: Mark | ClearedMark): Promise<void> {
    try {
      makeFolder(path.dirname(this.#file))
      const file = await open(this.#file, 'a', 0o600)
      try {
        // The first line break ends what a killed program has left unfinished.
        await file.appendFile(`\n${JSON.stringify(line)}\n`)
        await file.datasync()
      } finally {
        await file.close()
      }
    } catch (error) {
      throw new ImageryError('FILE_NOT_WRITABLE', `${this.#file} cannot be written: ${(error as Error).message}`, {
        suggestions: [`df -h ${shellWord(path.dirname(this.#file))}   (shows whether the disk is full)`],
        cause: error,
      })
    }
  }
}
