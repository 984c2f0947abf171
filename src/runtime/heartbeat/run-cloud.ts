import { deleteSubscription, deleteTopic } from '../../google/rest/pubsub-messages.ts'
import { hasTasks, queueState } from '../../google/rest/queues.ts'
import { deleteQueue, setQueueLimits } from '../../google/tasks.ts'
import { runAnswers } from '../../run-data/answers.ts'
import {
  beginPreparation,
  deleteSummary,
  endPreparation,
  forgetHeartbeat,
  heartbeatOf,
  isPrepared,
  saveHeartbeat,
  saveSummary,
  summaryOf,
} from '../../run-data/heartbeat-record.ts'
import { writeCompleteResults } from '../../run-data/results.ts'
import { notifyRun } from '../../run-data/notify-run.ts'
import { currentGeneration, publishRound } from '../../run-data/rounds.ts'
import { allQueues } from '../../run-data/run-queues.ts'
import { reportFrom } from '../../run-data/run-report.ts'
import { runStopOf } from '../../run-data/run-stop.ts'
import { deleteRunTables } from '../../run-data/run-tables.ts'
import { readTotals } from '../../run-data/run-totals.ts'
import { keepScratchTables } from '../../run-data/scratch-tables.ts'

/** Everything that a heartbeat does in the cloud besides creating the next one. */
export const runCloud = {
  runStopOf,
  runAnswers,
  queueState,
  setQueueLimits,
  hasTasks,
  allQueues,
  deleteQueue,
  heartbeatOf,
  saveHeartbeat,
  forgetHeartbeat,
  summaryOf,
  saveSummary,
  deleteSummary,
  isPrepared,
  beginPreparation,
  endPreparation,
  keepScratchTables,
  readTotals,
  reportFrom,
  writeCompleteResults,
  currentGeneration,
  publishRound,
  deleteSubscription,
  deleteTopic,
  deleteRunTables,
  notifyRun,
}

export type RunCloud = typeof runCloud
