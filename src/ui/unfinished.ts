/** What a local cloud that stops waits for. */
export interface Unfinished {
  /** Tasks and messages that were sent to a service and have no answer yet. */
  deliveries: number
  /** Calls to a model that have no answer yet. */
  modelCalls: number
  /** How long it may take until all have ended, milliseconds. */
  atMostMs: number
}

/**
 * `Waiting for 12 calls to the model, for 2 min 35 s at the most. Press Ctrl-C again to stop now: those
 * calls will be made and paid again.`
 *
 * @param options.stopNow what to do to stop at once, as the beginning of a sentence
 * @param options.isPaid whether the real model is asked
 */
export function waitingNote(unfinished: Unfinished, options: { stopNow: string; isPaid: boolean }): string {
  const { deliveries, modelCalls, atMostMs } = unfinished
  const calls = modelCalls === 1 ? '1 call to the model' : `${modelCalls} calls to the model`
  const tasks = deliveries === 1 ? '1 task under way' : `${deliveries} tasks under way`
  const what = modelCalls === 0 ? tasks : modelCalls >= deliveries ? calls : `${tasks}, with ${calls}`
  const again = options.isPaid ? 'made and paid again' : 'made again'
  const cost =
    modelCalls === 0
      ? 'that work will be done again'
      : `${modelCalls === 1 ? 'that call' : 'those calls'} will be ${again}`
  return `Waiting for ${what}, for ${longest(atMostMs)} at the most. ${options.stopNow} to stop now: ${cost}.`
}

function longest(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1_000)
  if (seconds < 60) return `${seconds} s`
  return seconds % 60 === 0 ? `${seconds / 60} min` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}
