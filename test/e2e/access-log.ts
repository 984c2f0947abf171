import { readFileSync } from 'node:fs'
import { taskId } from '../../src/runtime/populate/new-task.ts'

interface Line {
  method: string
  path?: string
  queue?: string
  task?: string
  previous?: string
  status?: string
}

/** Cloud Run's response when no instance was available within 10 s, as on a busy machine (https://cloud.google.com/run/docs/troubleshooting#429). */
const NO_INSTANCE = '500'

/** What the local cloud's access log says. */
export interface AccessLog {
  /** The number of times a run read the image of an asset of `writeManyAssets`. */
  imageReads(runId: string, assetId: string): number
  /** The number of times Cloud Tasks sent an asset's task of a run, in any generation and queue. */
  dispatches(runId: string, assetId: string): number
  calls(method: string): number
  /** Successful calls; those of a model are billed. */
  answers(method: string): number
  /** Tasks that were sent at least once. */
  tasksSent: number
  /** How often tasks were sent in all, without the sends for which Cloud Run had no instance. */
  sends: number
}

/** More than any run in these tests needs. */
const GENERATIONS = 60

export function readAccessLog(file: string): AccessLog {
  const reads = new Map<string, number>()
  const dispatches = new Map<string, number>()
  const calls = new Map<string, number>()
  const answers = new Map<string, number>()
  let withoutInstance = 0
  const add = (counts: Map<string, number>, key: string): void => void counts.set(key, (counts.get(key) ?? 0) + 1)
  for (const text of readFileSync(file, 'utf8').split('\n')) {
    const line = parsed(text)
    if (line === undefined) continue
    const { method, path, queue, task, previous, status } = line
    add(calls, method)
    if (status === 'OK') add(answers, method)
    if (queue !== undefined && task !== undefined) {
      add(dispatches, `${queue.slice(0, RUN_QUEUE_LENGTH)} ${task}`)
      if (previous === NO_INSTANCE) withoutInstance += 1
    } else if (method === 'storage.objects.get' && status === 'OK' && path !== undefined) {
      add(reads, decodeURIComponent(path).replace(/^.*\/o\//, ''))
    }
  }
  return {
    imageReads: (runId, assetId) => reads.get(`runs/${runId}/images/images/${assetId}.png`) ?? 0,
    dispatches(runId, assetId) {
      let sum = 0
      for (let generation = 0; generation < GENERATIONS; generation++) {
        sum += dispatches.get(`imagery-${runId} ${taskId(assetId, generation)}`) ?? 0
      }
      return sum
    },
    calls: (method) => calls.get(method) ?? 0,
    answers: (method) => answers.get(method) ?? 0,
    tasksSent: dispatches.size,
    sends: [...dispatches.values()].reduce((sum, count) => sum + count, -withoutInstance),
  }
}

/** `imagery-261123-9f3c1a7b`; a run's other queues have a number after it. */
const RUN_QUEUE_LENGTH = 'imagery-'.length + 15

/** Undefined for a line that a killed process has not finished: a kill can end a write between two pages. */
function parsed(text: string): Line | undefined {
  try {
    return text === '' ? undefined : (JSON.parse(text) as Line)
  } catch {
    return undefined
  }
}
