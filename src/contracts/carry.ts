import * as z from 'zod'
import { RUN_ID_PATTERN } from './run-id.ts'

/** A ledger whose answers a run can carry over. */
export const earlierLedger = z.strictObject({
  run_id: z.string().regex(RUN_ID_PATTERN),
  projectId: z.string(),
  dataset: z.string(),
  table: z.string(),
  /** Whether it has all columns of the run's answers. If not, its units are only counted. */
  has_answers: z.boolean(),
})

export type EarlierLedger = z.infer<typeof earlierLedger>

/** At most this many ledgers are read for `--reuse`. A query can reference 1,000 tables (https://cloud.google.com/bigquery/quotas#query_jobs). */
export const MOST_LEDGERS = 100

/** The part of a run's spec that says which answers it carries over. */
export const carry = z.strictObject({
  /** `update` compares with one earlier run, `reuse` with all of a profile. */
  mode: z.enum(['update', 'reuse']),
  /** Newest run first. */
  ledgers: z.array(earlierLedger).max(MOST_LEDGERS),
  /** Whether an image at the same gs:// address is taken as unchanged without looking at it. */
  trusts_addresses: z.boolean(),
})

export type Carry = z.infer<typeof carry>

/** `runs/<run_id>/carried.json`: what a run carried over, written once that is done. */
export const carried = z.object({
  v: z.literal(1),
  mode: carry.shape.mode,
  /** The earlier runs that were compared with, newest first. */
  from: z.array(z.string()),
  /** Units of the run: not in the earlier runs; with another question or other images; carried over; failed before. */
  units: z.object({
    new: z.int(),
    changed: z.int(),
    unchanged: z.int(),
    failed_before: z.int(),
    /** Units of the earlier runs that this run does not have. */
    gone: z.int(),
  }),
  /** What the carried answers cost the runs that got them, in US dollars. No part of this run's cost. */
  cost_usd: z.number(),
  /** RFC 3339. */
  carried_at: z.iso.datetime(),
})

export type Carried = z.infer<typeof carried>
