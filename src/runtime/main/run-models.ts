import { claimFirstCalls, firstCallsState, noteFirstAnswer } from '../../run-data/first-calls.ts'
import { describeObject, readObject, readObjectRange } from '../../google/storage/storage.ts'
import { Budget } from '../budget.ts'
import type { Clock } from '../clock.ts'
import { imageRangeReader, imageReader } from '../models/fetch-image.ts'
import { decodingBytes, ImageMemory, imageMemoryBytes } from '../models/image-memory.ts'
import type { RunStops } from '../run-stops.ts'
import type { Shutdown } from '../shutdown.ts'
import { explainUnstaged } from '../unstaged-images.ts'
import { modelForRun, type RunModels } from './model-for-run.ts'

/** Returns the models of runs. All of them share this process's memory for images. */
export function runModels(options: {
  bucket: string
  stops: Pick<RunStops, 'checkNow'>
  shutdown: Pick<Shutdown, 'begun'>
  clock: Clock
}): RunModels {
  const { bucket, stops, shutdown, clock } = options
  const explained = explainUnstaged({ readObject, bucket })
  return modelForRun(
    {
      readImage: imageReader({ readObject: explained(readObject), clock }),
      readRange: imageRangeReader({ readRange: explained(readObjectRange), clock }),
      describeObject: explained(describeObject),
      memory: new ImageMemory({ bytes: imageMemoryBytes(), clock }),
      decoding: new Budget(decodingBytes()),
      clock,
      firstCalls: {
        claim: claimFirstCalls,
        state: async (spec) => {
          const [state] = await Promise.all([firstCallsState(spec), stops.checkNow(spec)])
          return state
        },
        noteAnswer: noteFirstAnswer,
      },
    },
    shutdown,
  )
}
