import * as z from 'zod'
import { MOST_PAGE_ROWS } from '@imagery/viewer/contract/limits'

/** Longer texts are no search. */
const text = z.string().max(10_000)
const column = z.string().min(1).max(300)
const scalar = z.union([text, z.number(), z.boolean(), z.null()])
const bound = z.number().nullable()

const condition = z.union([
  z.strictObject({ column, is: z.array(scalar).max(1_000) }),
  z.strictObject({ column, from: bound, to: bound, closed: z.boolean().optional() }),
  z.strictObject({ column, contains: text }),
  z.strictObject({ search: text }),
  z.strictObject({ box: z.tuple([z.number(), z.number(), z.number(), z.number()]) }),
  z.strictObject({ review: z.array(z.enum(['right', 'wrong', 'unsure', 'none'])) }),
])

export const filter = z.array(condition).max(100)

export const summaryAsked = z.strictObject({ filter })

export const pageAsked = z.strictObject({
  filter,
  sort: z.strictObject({ column, descending: z.boolean() }).nullable(),
  offset: z.int().nonnegative(),
  limit: z.int().positive().max(MOST_PAGE_ROWS),
})

export const pointsAsked = z.strictObject({ filter, color: column.nullable() })

/** A unit's image by its place, from 0. No request names a file. */
export const imageAsked = z.object({
  unit: text,
  index: z
    .string()
    .regex(/^\d{1,4}$/)
    .transform(Number),
  size: z.enum(['thumbnail', 'full']),
})

export const exportAsked = z.object({
  format: z.enum(['csv', 'jsonl']),
  filter,
  columns: z.array(column).max(10_000),
})

export const drawAsked = z.strictObject({
  size: z.int().positive().max(100_000),
  strata: column.nullable(),
  seed: z.string().max(100),
  unmarked_only: z.boolean(),
})

export { mark as markAsked } from '../results/marks-file.ts'
