import type { SQLOutputValue } from 'node:sqlite'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import type { Operation, PackedAny } from '../../kernel/operations.ts'
import type { LaunchedTask, Queue, QueueConfig, Task, TaskRequest } from './resources.ts'

/** Converts rows of the tables in schema.ts to the model. */
export type Row = Record<string, SQLOutputValue>

/** A finished batch operation and its call. */
export interface StoredOperation {
  subject: string
  operation: Operation
}

export function queueFromRow(row: Row): Queue {
  return {
    id: Number(row['id']),
    name: text(row['name']),
    config: JSON.parse(text(row['config'])) as QueueConfig,
    isPaused: row['paused'] === 1,
    purgeUs: numberOrNull(row['purge_us']),
  }
}

/** A row of `tasks` joined with its row of `requests`. */
export function taskFromRow(row: Row): Task {
  const dispatchUs = numberOrNull(row['last_dispatch_us'])
  return {
    seq: Number(row['seq']),
    queueId: Number(row['queue']),
    id: text(row['id']),
    isNamed: row['named'] === 1,
    scheduleUs: Number(row['schedule_us']),
    createdMs: Number(row['created_ms']),
    dispatchCount: Number(row['dispatches']),
    responseCount: Number(row['responses']),
    firstDispatchUs: numberOrNull(row['first_dispatch_us']),
    lastAttempt:
      dispatchUs === null
        ? null
        : {
            scheduleUs: Number(row['last_schedule_us']),
            dispatchUs,
            responseUs: numberOrNull(row['last_response_us']),
            code: Number(row['last_code'] ?? 0),
            httpStatus: numberOrNull(row['last_status']),
          },
    request: JSON.parse(text(row['request'])) as TaskRequest,
    body: row['body'] === null ? null : bytes(row['body']),
  }
}

/** Rows of `tasks`, after its attempt was counted, and of `requests`. */
export function launchedFromRows(seq: number, state: Row, request: Row): LaunchedTask {
  return {
    seq,
    id: text(state['id']),
    dispatchCount: Number(state['dispatches']),
    executionCount: Number(state['executions']),
    scheduleUs: Number(state['schedule_us']),
    firstDispatchUs: Number(state['first_dispatch_us']),
    previousStatus: numberOrNull(state['last_status']),
    request: JSON.parse(text(request['request'])) as TaskRequest,
    body: bytes(request['body']),
  }
}

export function operationFromRow(row: Row): StoredOperation {
  const { name, subject, error, metadata, response } = row
  return {
    subject: text(subject),
    operation: {
      name: text(name),
      done: true,
      metadata: metadata === null ? null : packedFromColumn(metadata),
      ...(error === null ? {} : { error: JSON.parse(text(error)) as { code: number; message: string } }),
      ...(response === null ? {} : { response: packedFromColumn(response) }),
    },
  }
}

/** The tasks of a batch are very similar: compression reduces them to a tenth. */
export function packedToColumn(packed: PackedAny): Buffer {
  return deflateRawSync(Buffer.concat([Buffer.from(`${packed.type_url}\n`), packed.value]), { level: 1 })
}

function packedFromColumn(value: SQLOutputValue | undefined): PackedAny {
  const unpacked = inflateRawSync(bytes(value))
  const end = unpacked.indexOf('\n')
  return { type_url: unpacked.subarray(0, end).toString(), value: unpacked.subarray(end + 1) }
}

export function text(value: SQLOutputValue | undefined): string {
  if (typeof value !== 'string')
    throw new TypeError(`the store of Cloud Tasks holds ${typeof value} where text belongs`)
  return value
}

function bytes(value: SQLOutputValue | undefined): Buffer {
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`the store of Cloud Tasks holds ${typeof value} where bytes belong`)
  }
  return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
}

function numberOrNull(value: SQLOutputValue | undefined): number | null {
  return value === null || value === undefined ? null : Number(value)
}
