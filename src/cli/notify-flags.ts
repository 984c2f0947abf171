import { Flags } from '@oclif/core'

/** Flags of the commands that can notify a topic of a run. */
export const notifyFlags = {
  notify: Flags.string({
    summary:
      'publish a JSON message to this Pub/Sub topic when the run starts, stops and completes: TOPIC or projects/P/topics/TOPIC',
    helpValue: 'TOPIC',
  }),
}
