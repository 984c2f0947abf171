import { statSync } from 'node:fs'
import { causes, type JobLimits } from './limits.ts'
import type { RunningJob } from './running-job.ts'

/** Queries grow by some gigabytes a second. */
const LOOK_MS = 100

/**
 * Keeps the running jobs within their limits of memory and disk. DuckDB counts only its buffers: the rows that it
 * processes and the memory of our functions show only in the size of the process. They cannot be attributed to a
 * job, so the newest job is stopped, and then the next if that was not enough.
 */
export class JobWatch {
  readonly #limits: JobLimits
  readonly #file: string
  readonly #jobs: RunningJob[] = []
  #before = { memory: 0, disk: 0 }
  #timer: NodeJS.Timeout | undefined

  constructor(limits: JobLimits, file: string) {
    this.#limits = limits
    this.#file = file
  }

  add(job: RunningJob): void {
    this.#jobs.push(job)
    if (this.#timer) return
    this.#before = this.#size()
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref()
  }

  remove(job: RunningJob): void {
    this.#jobs.splice(this.#jobs.indexOf(job), 1)
    if (this.#jobs.length > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #look(): void {
    const { memory, disk } = this.#size()
    const { memoryBytes, diskBytes } = this.#limits
    const cause =
      memory - this.#before.memory > memoryBytes
        ? causes.memory()
        : disk - this.#before.disk > diskBytes
          ? causes.disk(diskBytes)
          : undefined
    if (!cause || this.#jobs.some((job) => job.isStopped)) return
    this.#jobs.at(-1)?.stop(cause)
  }

  #size(): { memory: number; disk: number } {
    return { memory: process.memoryUsage.rss(), disk: statSync(this.#file, { throwIfNoEntry: false })?.size ?? 0 }
  }
}
