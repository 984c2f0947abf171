import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { parseImageReference, type ImageConfig, type Registry } from '../artifact-registry/index.ts'
import type { Access } from '../../kernel/api.ts'
import { unpackArchive } from '../../kernel/archive.ts'
import type { Clock } from '../../kernel/clock.ts'
import { delay } from '../../kernel/delay.ts'
import { diskProblem } from '../../kernel/disk-problem.ts'
import type { Faults } from '../../kernel/faults.ts'
import { applyFaults } from '../../kernel/gateway.ts'
import { unexpectedError } from '../../kernel/unexpected-error.ts'
import { PendingWrites } from '../../kernel/pending-writes.ts'
import { BuildLog, type WriteLog } from './build-log.ts'
import { parseDockerfile, type Instruction } from './dockerfile.ts'
import { ImageBuilder } from './image-builder.ts'
import { builderNeeds } from './permissions.ts'
import { isFinished, type Build } from './resources.ts'
import type { BuildStore } from './store.ts'

/** How long a local build waits for a builder, and how long each instruction takes. Google's take a minute or more. */
export const QUEUE_MS = 100
export const INSTRUCTION_MS = 20

export interface BuildsOptions {
  store: BuildStore
  registry: Registry
  clock: Clock
  faults: Pick<Faults, 'take'>
  access: Pick<Access, 'has'>
  readObject: (gsUri: string) => Promise<Buffer>
  writeLog: WriteLog
  /** For work in progress, and for the logs. */
  directory: string
}

/** A build failed for a reason that its submitter can fix. */
class BuildFailure extends Error {
  override readonly name = 'BuildFailure'
  readonly type: string

  /** @param type https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#FailureInfo */
  constructor(
    type: 'PUSH_FAILED' | 'PUSH_NOT_AUTHORIZED' | 'FETCH_SOURCE_FAILED' | 'USER_BUILD_STEP' | 'LOGGING_FAILURE',
    message: string,
  ) {
    super(message)
    this.type = type
  }
}

/** Runs builds. Each starts when it is submitted. */
export class Builds {
  readonly #options: BuildsOptions
  readonly #stopping = new AbortController()
  readonly #running = new Set<Promise<void>>()
  /** Builds that have ended. */
  readonly #ended: PendingWrites<Build>

  constructor(options: BuildsOptions) {
    this.#options = options
    this.#ended = new PendingWrites(options.clock, (_, build) => options.store.put(build))
    mkdirSync(this.#logFolder(), { recursive: true })
  }

  start(build: Build): void {
    const running = this.#carryOut(build)
      // The disk may refuse a write. No caller waits here, and the build must end.
      .catch((error: unknown) => {
        if (!this.#stopping.signal.aborted)
          this.#ended.put(build.id, this.#failed(this.build(build.id) ?? build, error))
      })
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }

  /** The build in its current state. */
  build(id: string): Build | undefined {
    return this.#ended.get(id) ?? this.#options.store.build(id)
  }

  /** Repeats the builds that a stopped or killed process left unfinished. */
  resume(): void {
    for (const build of this.#options.store.all()) if (!isFinished(build)) this.start(build)
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all(this.#running)
    this.#ended.stop()
  }

  logFile(buildId: string): string {
    return path.join(this.#logFolder(), `log-${buildId}.txt`)
  }

  async #carryOut(queued: Build): Promise<void> {
    const { clock, faults, store } = this.#options
    const { signal } = this.#stopping
    await delay(clock, QUEUE_MS, signal)
    if (signal.aborted) return
    const startTime = this.#now()
    const working: Build = { ...queued, status: 'WORKING', startTime }
    store.put(working)
    const log = new BuildLog({
      write: this.#options.writeLog,
      bucket: queued.logsBucket,
      folder: this.#logFolder(),
      buildId: queued.id,
    })
    const folder = path.join(this.#options.directory, 'work', queued.id)
    try {
      const method = 'operation/google.cloud.run.v2.Builds/SubmitBuild'
      const built = await applyFaults(method, faults.take(method), clock, () => this.#build(working, folder, log))
      if (built) this.#ended.put(built.id, built)
    } catch (error) {
      if (!signal.aborted) await this.#fail(store.build(queued.id) ?? working, error, log)
    } finally {
      removeWork(folder)
    }
  }

  /** Resolves with the build as it succeeded, or with undefined when it was interrupted. */
  async #build(build: Build, folder: string, log: BuildLog): Promise<Build | undefined> {
    const { clock, store } = this.#options
    const { signal } = this.#stopping
    const builder = build.serviceAccount.slice(build.serviceAccount.lastIndexOf('/') + 1)
    if (!this.#options.access.has({ email: builder }, builderNeeds.log(build.projectId))) {
      throw new BuildFailure(
        'LOGGING_FAILURE',
        `The service account running this build ${build.serviceAccount} does not have permission to write logs. ` +
          'To fix this, grant the Logs Writer (roles/logging.logWriter) role to the service account.',
      )
    }
    await log.add(`starting build "${build.id}"`, '', 'FETCHSOURCE')
    const context = path.join(folder, 'context')
    await this.#fetch(build, context, log)

    await log.add('BUILD', `Starting Step #0`)
    const stepStart = this.#now()
    const step = { ...build.steps[0]!, status: 'WORKING' as const, timing: { startTime: stepStart } }
    store.put({ ...build, steps: [step] })
    const root = path.join(folder, 'root')
    mkdirSync(root, { recursive: true })
    const instructions = readDockerfile(context)
    const image = new ImageBuilder(context, root)
    for (const [index, instruction] of instructions.entries()) {
      await log.add(`Step ${index + 1}/${instructions.length} : ${shown(instruction)}`)
      await delay(clock, INSTRUCTION_MS, signal)
      if (signal.aborted) return undefined
      inDocker(instruction.line, () => image.apply(instruction))
    }
    const lastCommand = instructions.findLast(({ keyword }) => keyword === 'CMD' || keyword === 'ENTRYPOINT')
    const config = inDocker(undefined, () => image.finish(lastCommand?.line ?? instructions.length))
    const endTime = this.#now()
    await log.add(`Successfully tagged ${build.images[0]}`, 'Finished Step #0', 'PUSH')

    const pushed = await this.#push(build, builder, { root, config }, log)
    await log.add('DONE')
    return {
      ...build,
      status: 'SUCCESS',
      steps: [{ ...step, status: 'SUCCESS', timing: { startTime: stepStart, endTime } }],
      results: { images: [pushed], buildStepImages: [''] },
      finishTime: this.#now(),
    }
  }

  async #fetch(build: Build, context: string, log: BuildLog): Promise<void> {
    const { bucket, object, generation } = build.source.storageSource
    await log.add(`Fetching storage object: gs://${bucket}/${object}#${generation}`)
    try {
      await unpackArchive(await this.#options.readObject(`gs://${bucket}/${object}#${generation}`), context)
    } catch (error) {
      if (diskProblem(error)) throw error
      throw new BuildFailure('FETCH_SOURCE_FAILED', `fetching source: ${(error as Error).message}`)
    }
  }

  async #push(build: Build, builder: string, image: { root: string; config: ImageConfig }, log: BuildLog) {
    const { registry, access } = this.#options
    const [name = ''] = build.images
    const { repository = '' } = parseImageReference(name) ?? {}
    await log.add(`Pushing ${name}`)
    const startTime = this.#now()
    if (!access.has({ email: builder }, builderNeeds.push(repository))) {
      throw new BuildFailure(
        'PUSH_NOT_AUTHORIZED',
        `denied: Permission "artifactregistry.repositories.uploadArtifacts" denied on resource "${repository}" (or it may not exist)`,
      )
    }
    if (!registry.hasRepositoryOf(name)) {
      throw new BuildFailure(
        'PUSH_FAILED',
        `name unknown: Repository "${repository.slice(repository.lastIndexOf('/') + 1)}" not found`,
      )
    }
    const { digest, sizeBytes } = registry.push(name, image)
    await log.add(`${parseImageReference(name)?.tag ?? 'latest'}: digest: ${digest} size: ${sizeBytes}`)
    return { name, digest, pushTiming: { startTime, endTime: this.#now() } }
  }

  async #fail(build: Build, error: unknown, log: BuildLog): Promise<void> {
    const failed = this.#failed(build, error)
    // First, so that a caller that sees the end finds it in the log. It counts even if the log cannot be written.
    await log.add('ERROR', `ERROR: ${failed.statusDetail}`).catch(() => undefined)
    this.#ended.put(build.id, failed)
  }

  /** The build, ended by an error. */
  #failed(build: Build, error: unknown): Build {
    const isOwn = error instanceof BuildFailure
    const detail = isOwn ? error.message : `the build could not be carried out: ${unexpectedError(error).message}`
    const status = isOwn ? 'FAILURE' : 'INTERNAL_ERROR'
    const startTime = build.steps[0]?.timing?.startTime
    const timing = startTime === undefined ? {} : { timing: { startTime, endTime: this.#now() } }
    return {
      ...build,
      status,
      statusDetail: detail,
      steps: build.steps.map((step) => (step.status === 'WORKING' ? { ...step, status, ...timing } : step)),
      failureInfo: { type: isOwn ? error.type : 'OTHER', detail },
      finishTime: this.#now(),
    }
  }

  #now(): string {
    return new Date(this.#options.clock.now()).toISOString()
  }

  #logFolder(): string {
    return path.join(this.#options.directory, 'logs')
  }
}

/** A build that has ended, ends, whether or not its work can be removed: the next start of the cloud sees to that. */
function removeWork(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true })
  } catch (error) {
    console.error(`the build's folder ${folder} stays:`, error)
  }
}

function readDockerfile(context: string): Instruction[] {
  const file = path.join(context, 'Dockerfile')
  if (existsSync(path.join(context, '.dockerignore'))) {
    throw stepFailure(
      '.dockerignore is not emulated by the local cloud: remove the files that it names from the archive',
    )
  }
  if (!existsSync(file)) {
    throw stepFailure(
      'unable to prepare context: unable to evaluate symlinks in Dockerfile path: lstat /workspace/Dockerfile: no such file or directory',
    )
  }
  return inDocker(undefined, () => parseDockerfile(readFileSync(file, 'utf8')))
}

/** Runs a part of the step that builds; what fails there fails the build, with the Dockerfile's line. */
function inDocker<Result>(line: number | undefined, work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    if (diskProblem(error)) throw error
    const where = line === undefined ? '' : `Dockerfile line ${line}: `
    throw stepFailure(`${where}${(error as Error).message}`)
  }
}

function stepFailure(why: string): BuildFailure {
  return new BuildFailure(
    'USER_BUILD_STEP',
    `Build step failure: build step 0 "gcr.io/cloud-builders/docker" failed: step exited with non-zero status: 1: ${why}`,
  )
}

function shown({ keyword, flags, text }: Instruction): string {
  return [keyword, ...flags, text].join(' ')
}
