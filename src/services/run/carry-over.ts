import type { Carried } from '../../contracts/carry.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { imageVersionsAnswer, MOST_IMAGES_LOOKED_AT } from '../../contracts/messages.ts'
import { carryJobId, RUN_LABEL, runtimeAccount } from '../../contracts/names.ts'
import { parseGsUri } from '../../contracts/gs-uri.ts'
import { exactUsd } from '../../contracts/prices.ts'
import { answererOf, questionHash } from '../../contracts/question-hash.ts'
import type { RunSpec } from '../../contracts/run-spec.ts'
import type { PipelineStep, StepReporter } from '../../contracts/steps.ts'
import { deleteTable, ensureTable, queryRows, queryStream } from '../../google/bigquery/bigquery.ts'
import { runStatement } from '../../google/bigquery/jobs.ts'
import { loadRows } from '../../google/bigquery/load-rows.ts'
import { callService } from '../../google/cloud-run/invoke.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { carriedOf, comparisonOf, saveCarried, versionsTable, VERSION_COLUMNS } from '../../run-data/carried.ts'
import { geminiBackendOf } from '../../run-data/gemini-backend.ts'
import { SCRATCH_MS } from '../../run-data/scratch-tables.ts'
import {
  carriedCountsQuery,
  carryStatement,
  imagesToCompareQuery,
  type CarriedCounts,
  type Comparison,
} from '../../run-data/sql/carry.ts'
import type { Deployed, RecordedContext, Snapshotted, ToAsk } from './context.ts'
import { creatingStep } from './creating-step.ts'
import { counted, countText } from '../../contracts/count-text.ts'

type Carrying = RecordedContext & Deployed & Snapshotted

/**
 * Carries the answers of earlier runs over into the run's ledger, before any task exists, so that only the other units
 * are asked. Looks at each image first, because its object can have been replaced at the same address. A repeat carries
 * nothing twice.
 */
export const carryOver: PipelineStep<Carrying, Partial<ToAsk>> = creatingStep<Carrying, Partial<ToAsk>>({
  title: 'Carry unchanged answers over',
  async run(context, reporter) {
    const { spec } = context
    const { carry } = spec
    if (!carry) return { skipped: 'asks for every asset', adds: {} }
    const comparison = comparisonOf({ ...spec, carry }, await questionOf(context))
    const done = await carriedOf(spec)
    if (!done) await carryRows(context, comparison, reporter)
    const counts = await countsOf(spec, comparison)
    const carried = done ?? (await record(spec, carry, counts))
    await deleteTable(versionsTable(spec.tables))
    const pending = Number(counts.new_units) + Number(counts.changed) + Number(counts.failed_before)
    return {
      [done ? 'skipped' : 'done']: carriedText(carried),
      adds: { pending, toAsk: { units: pending, images: Number(counts.images_to_ask) } },
    }
  },
})

/** `1,204 unchanged; 3 new, 2 changed, 1 failed before; 4 gone` */
export function carriedText({ units }: Pick<Carried, 'units'>): string {
  const failed = units.failed_before > 0 ? `, ${countText(units.failed_before)} failed before` : ''
  return `${countText(units.unchanged)} unchanged; ${countText(units.new)} new, ${countText(units.changed)} changed${failed}; ${countText(units.gone)} gone`
}

async function questionOf({ spec, target }: Carrying): Promise<string> {
  const backend = target.kind === 'local' ? await geminiBackendOf(spec) : undefined
  return questionHash(spec, answererOf(spec.gemini, backend))
}

async function carryRows(context: Carrying, comparison: Comparison, reporter: StepReporter): Promise<void> {
  const { spec, runId } = context
  const { tables, source, place } = spec
  const labels = { [RUN_LABEL]: runId }
  const versions = versionsTable(tables)
  await ensureTable(versions, {
    columns: VERSION_COLUMNS,
    description: `The images of imagery run ${runId}, while it compares them with those of earlier runs.`,
    labels,
    expiresAt: new Date(Date.now() + SCRATCH_MS),
  })
  const denied: Denied = { count: 0, example: '' }
  await loadRows(versions, imageRows(context, comparison, denied, reporter), {
    location: source.location,
    columns: VERSION_COLUMNS,
    clusterBy: ['gcs_uri'],
  })
  if (denied.count > 0) throw mayNotLook(context, denied)
  const query = { projectId: place.projectId, location: source.location }
  await runStatement(carryStatement(tables, runId, comparison), { ...query, jobId: carryJobId(runId), labels })
}

/** Images that the services may not look at. */
interface Denied {
  count: number
  example: string
}

/** Requests to the service at once. Each looks at several hundred images. */
const REQUESTS_AT_ONCE = 4

const REQUEST_MS = 120_000

async function* imageRows(
  context: Carrying,
  comparison: Comparison,
  denied: Denied,
  reporter: StepReporter,
): AsyncGenerator<{ gcs_uri: string; version: string | null }> {
  const { place, source } = context.spec
  const images = queryStream<{ gcs_uri: string }>(imagesToCompareQuery(comparison), {
    projectId: place.projectId,
    location: source.location,
    pageSize: MOST_IMAGES_LOOKED_AT * REQUESTS_AT_ONCE,
  })
  let looked = 0
  for await (const uris of inGroups(images, MOST_IMAGES_LOOKED_AT * REQUESTS_AT_ONCE)) {
    context.signal.throwIfAborted()
    const requests = Array.from({ length: Math.ceil(uris.length / MOST_IMAGES_LOOKED_AT) }, (_, index) =>
      lookAt(context, uris.slice(index * MOST_IMAGES_LOOKED_AT, (index + 1) * MOST_IMAGES_LOOKED_AT)),
    )
    const versions = (await Promise.all(requests)).flat()
    looked += uris.length
    reporter.detail(`${counted(looked, 'image')} looked at`)
    for (const [index, uri] of uris.entries()) {
      const version = versions[index] ?? null
      if (version === null && !('fault' in parseGsUri(uri))) {
        denied.count += 1
        denied.example ||= uri
      }
      yield { gcs_uri: uri, version }
    }
  }
}

async function* inGroups(rows: AsyncIterable<{ gcs_uri: string }>, size: number): AsyncGenerator<string[]> {
  let group: string[] = []
  for await (const { gcs_uri: uri } of rows) {
    group.push(uri)
    if (group.length < size) continue
    yield group
    group = []
  }
  if (group.length > 0) yield group
}

async function lookAt({ deployment, target, runId }: Carrying, uris: string[]): Promise<(string | null)[]> {
  const { status, body } = await callService(deployment.mainUrl, '/image-versions', {
    method: 'POST',
    body: { v: 1, uris },
    timeoutMs: REQUEST_MS,
  })
  const answer = imageVersionsAnswer.safeParse(body)
  if (status === 200 && answer.success && answer.data.versions.length === uris.length) return answer.data.versions
  throw new ImageryError(
    'CLOUD_ERROR',
    `imagery-main could not look at the images of run ${runId}: HTTP ${status} ${JSON.stringify(body)}`,
    { suggestions: [`imagery deploy${target.flags}   (if the services are from an older version)`] },
  )
}

function mayNotLook({ target, spec }: Carrying, { count, example }: Denied): ImageryError {
  const name = parseGsUri(example)
  const bucket = 'fault' in name ? 'BUCKET' : name.bucket
  const account = runtimeAccount(target.place)
  const flag = spec.carry?.mode === 'reuse' ? '--reuse' : '--update'
  return new ImageryError(
    'ACCESS_DENIED',
    `The services may not look at ${counted(count, 'image')}, such as ${example}, so nothing shows whether they changed since they were answered. No model was called`,
    {
      suggestions: [
        `gcloud storage buckets add-iam-policy-binding gs://${bucket} --member serviceAccount:${account} --role roles/storage.objectViewer   (run by the bucket's owner)`,
        'Run the same command with --trust-addresses   (if an image at the same address is always the same)',
        `Run the same command without ${flag}   (asks for every asset)`,
      ],
    },
  )
}

async function countsOf({ place, source, tables }: RunSpec, comparison: Comparison): Promise<CarriedCounts> {
  const query = { projectId: place.projectId, location: source.location }
  const [counts] = await queryRows<CarriedCounts>(carriedCountsQuery(tables, comparison), query)
  if (!counts) throw new CloudError('UNKNOWN', 'BigQuery did not answer a count')
  return counts
}

/** What the run carried over, as its reports show it. */
export function carriedFrom(carry: NonNullable<RunSpec['carry']>, counts: CarriedCounts): Carried {
  return {
    v: 1,
    mode: carry.mode,
    from: carry.ledgers.map(({ run_id: runId }) => runId),
    units: {
      new: Number(counts.new_units),
      changed: Number(counts.changed),
      unchanged: Number(counts.unchanged),
      failed_before: Number(counts.failed_before),
      gone: Number(counts.gone),
    },
    cost_usd: exactUsd(Number(counts.carried_cost_usd)),
    carried_at: new Date().toISOString(),
  }
}

async function record(spec: RunSpec, carry: NonNullable<RunSpec['carry']>, counts: CarriedCounts): Promise<Carried> {
  const carried = carriedFrom(carry, counts)
  await saveCarried(spec, carried)
  return carried
}
