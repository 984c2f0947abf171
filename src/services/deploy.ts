import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { REQUESTS_PER_INSTANCE } from '../contracts/concurrency.ts'
import { ImageryError } from '../contracts/errors.ts'
import { bucketName, invokerAccount, mainService, populateService, runtimeAccount } from '../contracts/names.ts'
import type { Step } from '../contracts/steps.ts'
import { callerAccount } from '../google/credentials.ts'
import { CloudError } from '../google/errors.ts'
import { callService } from '../google/invoke.ts'
import { deployService, setInvokers, type ServiceSpec } from '../google/run.ts'
import { ensureBucket, objectGeneration, writeObject } from '../google/storage.ts'
import { runtimeHash, sourceArchive } from './source-archive.ts'
import type { Deployment, Target } from './target.ts'

export interface DeployContext {
  target: Target
  /** The folder of the built runtime. */
  runtimeFolder: string
  archive?: { object: string; generation: string; hash: string }
  mainUrl?: string
  populateUrl?: string
  outcomes: Record<string, string>
}

export interface DeployResult extends Omit<Deployment, 'runtimeHashes'> {
  services: { name: string; url: string; outcome: string }[]
}

export function deployContext(target: Target, runtimeFolder: string): DeployContext {
  return { target, runtimeFolder, outcomes: {} }
}

/**
 * Puts the runtime on Cloud Run. Each step leaves alone what is as it should be, so a deploy that
 * was interrupted is finished by the next.
 */
export const deploySteps: readonly Step<DeployContext>[] = [
  {
    title: 'Bucket',
    async run({ target }) {
      const bucket = bucketName(target.place)
      const outcome = await ensureBucket(bucket, { projectId: target.place.projectId, location: target.place.region })
      return outcome === 'existed' ? { skipped: `gs://${bucket} exists` } : { done: `gs://${bucket}` }
    },
  },
  {
    title: 'Runtime',
    async run(context) {
      const { target, runtimeFolder } = context
      const hash = await runtimeHash(runtimeFolder)
      const object = `deploy/runtime-${hash.slice(0, 16)}.tar.gz`
      const uri = `gs://${bucketName(target.place)}/${object}`
      const existing = await objectGeneration(uri)
      if (existing !== undefined) {
        context.archive = { object, generation: existing, hash }
        return { skipped: `${hash.slice(0, 12)} is uploaded` }
      }
      const bytes = await sourceArchive(runtimeFolder)
      await writeObject(uri, bytes, { contentType: 'application/gzip' })
      context.archive = { object, generation: (await objectGeneration(uri)) ?? '', hash }
      return { done: `${(bytes.length / 1e6).toFixed(1)} MB, ${hash.slice(0, 12)}` }
    },
  },
  {
    title: 'Service main',
    async run(context) {
      const answer = await deploy(context, mainService(context.target.place), mainSpec(context))
      context.mainUrl = answer.url
      return answer.outcome === 'unchanged' ? { skipped: 'is as it should be' } : { done: answer.url }
    },
  },
  {
    title: 'Service populate',
    async run(context) {
      const answer = await deploy(context, populateService(context.target.place), populateSpec(context))
      context.populateUrl = answer.url
      return answer.outcome === 'unchanged' ? { skipped: 'is as it should be' } : { done: answer.url }
    },
  },
  {
    title: 'Who may call them',
    async run({ target }) {
      const caller = await callerAccount()
      const accounts = [invokerAccount(target.place), ...(caller ? [caller] : [])]
      for (const service of [mainService(target.place), populateService(target.place)])
        await setInvokers(target.place, service, accounts)
      return { done: 'private: only imagery-invoker and you' }
    },
  },
  {
    title: 'Health',
    async run(context, reporter) {
      for (const [name, url] of [
        [mainService(context.target.place), context.mainUrl],
        [populateService(context.target.place), context.populateUrl],
      ] as const) {
        reporter.detail(name)
        const { status } = await callService(url!, '/healthz', { method: 'GET', timeoutMs: 60_000 })
        if (status !== 200)
          throw new ImageryError('DEPLOYMENT_FAILED', `${name} does not answer at ${url}/healthz: HTTP ${status}`)
      }
      return { done: 'both answer' }
    },
  },
]

export function deployResult(context: DeployContext): DeployResult {
  const { target, mainUrl = '', populateUrl = '', outcomes } = context
  const main = mainService(target.place)
  const populate = populateService(target.place)
  return {
    place: target.place,
    bucket: bucketName(target.place),
    mainUrl,
    populateUrl,
    services: [
      { name: main, url: mainUrl, outcome: outcomes[main] ?? '' },
      { name: populate, url: populateUrl, outcome: outcomes[populate] ?? '' },
    ],
  }
}

async function deploy(context: DeployContext, name: string, spec: ServiceSpec) {
  try {
    const answer = await deployService(context.target.place, name, spec)
    context.outcomes[name] = answer.outcome
    return answer
  } catch (error) {
    if (!(error instanceof CloudError) || error.retryable) throw error
    throw new ImageryError('DEPLOYMENT_FAILED', `${name} could not be deployed: ${error.message}`, { cause: error })
  }
}

function commonService(context: DeployContext) {
  const { place } = context.target
  const { object, generation, hash } = context.archive!
  return {
    source: { bucket: bucketName(place), object, generation },
    sourceHash: hash,
    serviceAccount: runtimeAccount(place),
    environment: {
      IMAGERY_PROJECT: place.projectId,
      IMAGERY_REGION: place.region,
      IMAGERY_BUCKET: bucketName(place),
    },
  }
}

/** An asset may take long (a slow model), so main has Cloud Tasks' longest deadline: 30 minutes. */
function mainSpec(context: DeployContext): ServiceSpec {
  const size = { concurrency: REQUESTS_PER_INSTANCE, maxInstances: 100, timeoutSeconds: 1_800, memory: '2Gi', cpu: '2' }
  return { ...commonService(context), ...size, args: ['main.js'] }
}

/**
 * Megabytes of V8's heap for objects old and new. Populate holds a few pages of rows and batches of
 * tasks, whatever the size of the run; left to itself V8 lets short-lived objects pile up to more
 * than twice as much before it collects them.
 */
const POPULATE_HEAP = ['--max-old-space-size=192', '--max-semi-space-size=8']

/** A shard has Pub/Sub's longest acknowledgement deadline: 10 minutes. */
function populateSpec(context: DeployContext): ServiceSpec {
  const common = commonService(context)
  return {
    ...common,
    environment: {
      ...common.environment,
      IMAGERY_MAIN_URL: context.mainUrl!,
      IMAGERY_INVOKER: invokerAccount(context.target.place),
    },
    concurrency: 4,
    maxInstances: 10,
    timeoutSeconds: 600,
    memory: '512Mi',
    cpu: '1',
    args: [...POPULATE_HEAP, 'populate.js'],
  }
}

/** Where the built runtime lies in an installed imagery. */
export async function builtRuntime(root: string): Promise<string> {
  const folder = path.join(root, 'dist', 'runtime')
  await readFile(path.join(folder, 'package.json')).catch((error: unknown) => {
    throw new ImageryError('DEPLOYMENT_FAILED', `The runtime is not built: ${folder} is missing`, {
      suggestions: ['npm run build'],
      cause: error,
    })
  })
  return folder
}
