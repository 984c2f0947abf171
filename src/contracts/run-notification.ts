import * as z from 'zod'
import { runStop } from './run-controls.ts'
import { RUN_ID_PATTERN } from './run-id.ts'

const count = z.int().nonnegative()

/**
 * The message that a run publishes to its user's topic, as JSON. A public interface: members can be added, never changed.
 * docs/notifications.md describes it, and schemas/notification.schema.json is generated from it.
 */
export const runNotification = z.object({
  v: z.literal(1).describe('Version of this format.'),
  event: z
    .enum(['started', 'stopped', 'completed'])
    .describe(
      'started: the first assets are queued. stopped: a limit or a user stopped the run before its end. completed: every asset has its final row, and the results are written.',
    ),
  event_id: z
    .string()
    .describe('The same in every copy of the message about one event, so that a reader can drop repeated ones.'),
  published_at: z.iso.datetime().describe('When the message was published, in UTC.'),
  run_id: z.string().regex(RUN_ID_PATTERN).describe('ID of the run.'),
  deployment: z
    .object({
      project_id: z.string().describe('Project of the deployment.'),
      region: z.string().describe('Region of the deployment.'),
      name: z.string().nullable().describe('Name of the deployment; null if it has none.'),
    })
    .describe('The deployment that runs it.'),
  profile: z.string().describe('Name of the profile.'),
  source: z.string().describe('Table, file or folder, as it was given.'),
  units: z
    .object({
      total: count.describe('All assets of the run.'),
      ok: count.describe('Assets with an answer.'),
      failed: count.describe('Assets that failed for good.'),
      pending: count.describe('Assets without their final row.'),
    })
    .describe('Number of assets by status.'),
  cost_usd: z.number().nonnegative().describe('What the calls have cost so far, in US dollars, by the price list.'),
  stopped: runStop
    .pick({ reason: true, message: true, failure: true, stopped_at: true })
    .nullable()
    .describe('Why the run was stopped; null for the other events.'),
  results_table: z
    .string()
    .nullable()
    .describe('Full name of the results table: project.dataset.table; null before the run is complete.'),
})

export type RunNotification = z.infer<typeof runNotification>

/** The path of the published schema in the package. */
export const NOTIFICATION_SCHEMA_FILE = 'schemas/notification.schema.json'

/** Returns the JSON Schema of the messages, with which their readers can check them. */
export function notificationJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(runNotification, { target: 'draft-7', io: 'input' })
  return { $schema, title: 'imagery run notification', description: 'A message about a run.', ...schema }
}
