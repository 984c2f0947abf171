import { ImageryError } from '../../contracts/errors.ts'
import { grantsTo } from '../../contracts/grants.ts'
import { invokerAccount, mainService, runtimeAccount, tablePath } from '../../contracts/names.ts'
import type { PipelineStep } from '../../contracts/steps.ts'
import { callService, type ServiceAnswer } from '../../google/cloud-run/invoke.ts'
import { ServiceTokenError } from '../../google/auth/service-tokens.ts'
import { servicePolicy } from '../../google/cloud-run/services.ts'
import { missingMemberships } from '../../google/rest/policy.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { settled, SETTLE_MS } from '../../google/transport/settle.ts'
import { areShown, haveBeenGranted } from '../failures/granted.ts'
import { knownRefusal } from '../failures/known-refusal.ts'
import { missingRoleFailure } from '../failures/missing-role.ts'
import type { Deployed, RecordedContext, WithQueues, WorkContext } from './context.ts'
import { creatingStep } from './creating-step.ts'

/** An answer of /setup that will be another one later. */
class NotReady extends CloudError {
  readonly answer: ServiceAnswer

  constructor(reason: string, answer: ServiceAnswer) {
    super('UNAVAILABLE', reason)
    this.answer = answer
  }
}

/**
 * Creates the ledger, its view and the queues, and waits until the ledger stores rows: only then is a model paid. A grant
 * on a dataset takes some minutes to arrive everywhere
 * (https://cloud.google.com/iam/docs/access-change-propagation), and so does a new table
 * (https://cloud.google.com/bigquery/docs/streaming-data-into-bigquery#troubleshooting).
 *
 * Calls `asked` when the service has a request, or a try has failed.
 */
export const setUp: PipelineStep<RecordedContext & Deployed & { asked?: () => void }, WithQueues> = creatingStep({
  title: 'Set up the ledger and queues',
  async run(context, reporter) {
    let reason = ''
    const ask = async (): Promise<ServiceAnswer> => {
      const answer = await callService(context.deployment.mainUrl, '/setup', {
        method: 'POST',
        body: { v: 1, run_id: context.runId },
        timeoutMs: 120_000,
        sent: context.asked,
      }).finally(context.asked)
      reason = waitReason(context, answer) ?? (await roleReason(context, answer)) ?? ''
      if (reason !== '') throw new NotReady(reason, answer)
      return answer
    }
    const answer = await settled(ask, {
      isTransient: async (error) => {
        if (error instanceof NotReady) return true
        reason = "waiting until IAM has applied the invoker's roles everywhere"
        return error instanceof ServiceTokenError && isInvokerGranted(context)
      },
      settleMs: SETTLE_MS,
      waiting: (waitedMs) => reporter.detail(`${reason} (${Math.round(waitedMs / 1_000)} s)`),
      signal: context.signal,
    }).catch((error: unknown) => {
      throw error instanceof NotReady ? neverReady(context, error) : error
    })
    const names = (answer.body as { queues?: unknown }).queues
    if (answer.status !== 200 || !Array.isArray(names)) throw notSetUp(context, answer)
    const queues = names.map(String)
    const { queues_created: created } = answer.body as { queues_created?: unknown }
    const newQueues = Array.isArray(created) ? created.length : 0
    return { done: queues.map((name) => name.slice(name.lastIndexOf('/') + 1)).join(', '), adds: { queues, newQueues } }
  },
})

/** Returns what to wait for before the same request is made again, or undefined for any final answer. */
function waitReason({ spec: { tables } }: RecordedContext, { status, body }: ServiceAnswer): string | undefined {
  const { ledger_ready: isReady, error } = body as {
    ledger_ready?: unknown
    error?: { code?: string; message?: string }
  }
  if (status === 200) return isReady === false ? 'waiting until BigQuery stores rows of the new ledger' : undefined
  const { code, message = '' } = error ?? {}
  const isAboutDataset = /\b(?:Dataset|Table)\b/i.test(message) && message.includes(tables.dataset)
  if ((code !== 'PERMISSION_DENIED' && code !== 'NOT_FOUND') || !isAboutDataset) return undefined
  if (knownRefusal(new CloudError(code, message), tables)) return undefined
  return `waiting until the services may write to dataset ${tables.dataset}`
}

/** A role that the runtime lacks, in the words of /setup. */
const LACKED = /it needs (roles\/[\w.]+) on (\S+)(?: (\S+))?$/

/** Returns what to wait for if the runtime lacks only the effect of a role that a policy shows. */
async function roleReason({ target }: RecordedContext, { status, body }: ServiceAnswer): Promise<string | undefined> {
  const { code, message = '' } = (body as { error?: { code?: string; message?: string } }).error ?? {}
  const [, role, on = ''] = LACKED.exec(message) ?? []
  if (status === 200 || code !== 'PERMISSION_DENIED' || role === undefined) return undefined
  const { place } = target
  const grants = grantsTo('runtime').filter(
    (grant) => grant.role === role && grant.on === (on === 'project' ? 'project' : 'account invoker'),
  )
  // A runner need not be allowed to read policies. The run then fails at once, as if there were no grant.
  const isShown = await areShown(place, grants, `serviceAccount:${runtimeAccount(place)}`).catch(() => false)
  return grants.length > 0 && isShown ? `waiting until IAM has applied ${role} everywhere` : undefined
}

/** Whether policies let the caller call main as the invoker, although main's front end does not know that yet. */
async function isInvokerGranted({ target: { place } }: RecordedContext): Promise<boolean> {
  const wanted = { role: 'roles/run.invoker', member: `serviceAccount:${invokerAccount(place)}` }
  try {
    const policy = await servicePolicy(place, mainService(place)).read()
    const tokenGrants = grantsTo('runner', 'account invoker').filter(({ role }) => role.endsWith('TokenCreator'))
    return missingMemberships(policy, [wanted]).length === 0 && (await haveBeenGranted(place, tokenGrants))
  } catch (error) {
    if (error instanceof CloudError) return false
    throw error
  }
}

function neverReady(context: RecordedContext, { message, answer }: NotReady): unknown {
  if (answer.status !== 200) return notSetUp(context, answer)
  const { spec, target, runId } = context
  return new ImageryError(
    'CLOUD_ERROR',
    `BigQuery does not store rows of ${tablePath(spec.tables, spec.tables.attempts)} after ${SETTLE_MS / 60_000} minutes of ${message}. No model was called`,
    { suggestions: [`imagery resume ${runId}${target.flags}`] },
  )
}

/** Returns the error with the role that the services' account lacks and the command that grants it. A deploy also grants it. */
function notSetUp({ runId, target }: WorkContext, { status, body }: ServiceAnswer): unknown {
  const { code, message = '' } = (body as { error?: { code?: string; message?: string } }).error ?? {}
  const what = `imagery-main could not set up run ${runId}`
  const refused = new CloudError(code === 'PERMISSION_DENIED' ? code : 'UNKNOWN', message)
  const known = knownRefusal(refused, target.place)
  if (known) return known
  if (code === 'FAILED_PRECONDITION') {
    return new ImageryError('CLOUD_ERROR', `${what}: ${message}`, {
      suggestions: [`imagery teardown ${runId}${target.flags}   (keeps its results and ledger)`],
    })
  }
  if (code !== 'PERMISSION_DENIED')
    return new ImageryError('CLOUD_ERROR', `${what}: HTTP ${status} ${JSON.stringify(body)}`)
  const member = `serviceAccount:${runtimeAccount(target.place)}`
  const [bucket] = /gs:\/\/[^\s,]+/.exec(message) ?? []
  if (bucket !== undefined) {
    return new ImageryError('ACCESS_DENIED', `${what}: ${message}`, {
      suggestions: [
        `gcloud storage buckets add-iam-policy-binding ${bucket} --member ${member} --role roles/storage.objectViewer   (run by the bucket's owner)`,
      ],
    })
  }
  return missingRoleFailure(refused, {
    place: target.place,
    to: 'runtime',
    what,
    roles: [],
    member,
    first: [`imagery deploy${target.flags}`],
  })
}
