import { counted } from '../contracts/count-text.ts'

/** What a stopping local cloud waits for. */
export interface Unfinished {
  /** Tasks and messages that were sent to a service and have no response yet. */
  deliveries: number
  /** Model calls without an answer yet. */
  modelCalls: number
  /** The longest time until all have ended, in milliseconds. */
  atMostMs: number
}

/**
 * `Waiting for 12 model calls, at most 2 min 35 s. Press Ctrl-C again to stop now: those calls will be
 * repeated and billed again.`
 *
 * @param options.stopNow how to stop at once, as the start of a sentence
 * @param options.isPaid whether the calls go to the real model
 */
export function waitingNote(unfinished: Unfinished, options: { stopNow: string; isPaid: boolean }): string {
  const { deliveries, modelCalls, atMostMs } = unfinished
  const calls = counted(modelCalls, 'model call')
  const tasks = `${counted(deliveries, 'task')} in progress`
  const what = modelCalls === 0 ? tasks : modelCalls >= deliveries ? calls : `${tasks}, with ${calls}`
  const again = options.isPaid ? 'repeated and billed again' : 'repeated'
  const cost =
    modelCalls === 0
      ? 'that work will be repeated'
      : `${modelCalls === 1 ? 'that call' : 'those calls'} will be ${again}`
  return `Waiting for ${what}, at most ${longest(atMostMs)}. ${options.stopNow} to stop now: ${cost}.`
}

function longest(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1_000)
  if (seconds < 60) return `${seconds} s`
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
