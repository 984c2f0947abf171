import { createHash } from 'node:crypto'
import { ImageryError } from '../../contracts/errors.ts'
import { bucketName, builderAccount, repositoryName } from '../../contracts/names.ts'
import type { StepReporter } from '../../contracts/steps.ts'
import { imagePath, taggedImage } from '../../google/admin/artifact-registry.ts'
import { BuildUnwatched } from '../../google/admin/build.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { objectGeneration, writeObject } from '../../google/storage/storage.ts'
import { ARCHIVE_PREFIX } from './bucket.ts'
import { isOff, type DeployContext, type DeployStep } from './context.ts'
import { buildImage } from './image-build.ts'
import { withPlainSource } from './plain-source.ts'
import { imageSource, packedSource, runtimeSource, sourceHash, type SourceTree } from './source-archive.ts'

/** The image's name in the repository. */
const IMAGE = 'runtime'

/** The number of hash digits in names, more than enough to tell archives apart. */
const NAME_DIGITS = 40

/** The step that decides what the services run. */
export function programStep({ image, build }: DeployContext['options']): DeployStep {
  if (image !== undefined) return givenImage
  return build ? builtImage : plainArchive
}

async function imageHash(runtimeFolder: string): Promise<string> {
  return sourceHash(await imageSource(runtimeFolder))
}

/** The runtime's lock file names the packages by version and hash, so the hash covers them too. */
async function plainHash(runtimeFolder: string): Promise<string> {
  const hash = await sourceHash(await runtimeSource(runtimeFolder))
  return createHash('sha256').update(`plain ${hash}`).digest('hex')
}

/** Returns the hashes that label the services of this runtime: built into an image, or as an archive. */
export async function ownSourceHashes(runtimeFolder: string): Promise<string[]> {
  return Promise.all([imageHash(runtimeFolder), plainHash(runtimeFolder)])
}

const builtImage: DeployStep = {
  title: 'Image',
  roles: ['roles/run.sourceDeveloper', 'roles/storage.admin', 'roles/artifactregistry.admin'],
  async inspect(context) {
    const hash = await imageHash(context.runtimeFolder)
    context.sourceHash = hash
    const uri = archiveUri(context, 'image')
    const path = `${imagePath(repositoryName(context.target.place), IMAGE)}:${tag(hash)}`
    if (await findImage(context)) return [{ action: 'keep', resource: path }]
    const isUploaded = !isOff(context, 'storage') && (await objectGeneration(uri)) !== undefined
    return [
      { action: isUploaded ? 'keep' : 'upload', resource: uri },
      { action: 'build', resource: path },
    ]
  },
  async apply(context, _, reporter) {
    const { place } = context.target
    const generation = await uploaded(context, 'image', reporter, (upload) =>
      imageSource(context.runtimeFolder).then(upload),
    )
    const { bucket, object } = archiveName(context, 'image')
    const request = {
      projectId: place.projectId,
      source: { bucket, object, generation },
      image: `${imagePath(repositoryName(place), IMAGE)}:${tag(context.sourceHash!)}`,
      serviceAccount: builderAccount(place),
      tag: `imagery-${tag(context.sourceHash!)}`,
    }
    const region = await buildImage(context, request, reporter).catch(async (error: unknown) => {
      // The build can end well although it cannot be watched.
      if (error instanceof BuildUnwatched && (await findImage(context))) return place.region
      throw failedBuild(error)
    })
    if (!(await findImage(context)))
      throw new ImageryError(
        'DEPLOYMENT_FAILED',
        `The build finished, but image ${IMAGE}:${tag(context.sourceHash!)} does not exist`,
      )
    const elsewhere = region === place.region ? '' : `, built in ${region}`
    return { done: `${IMAGE}:${tag(context.sourceHash!).slice(0, 12)}${elsewhere}` }
  },
}

function failedBuild(error: unknown): unknown {
  if (!(error instanceof CloudError) || error.retryable || error.status === 'PERMISSION_DENIED') return error
  return new ImageryError('DEPLOYMENT_FAILED', `The image could not be built: ${error.message}`, { cause: error })
}

/** Finds the image of this runtime, by its digest, if it was built before. */
async function findImage(context: DeployContext): Promise<boolean> {
  if (isOff(context, 'artifactregistry')) return false
  const repository = repositoryName(context.target.place)
  const digest = await taggedImage(repository, IMAGE, tag(context.sourceHash!))
  if (digest === undefined) return false
  context.program = { image: `${imagePath(repository, IMAGE)}@${digest}` }
  return true
}

const tag = (hash: string): string => hash.slice(0, NAME_DIGITS)

const plainArchive: DeployStep = {
  title: 'Source archive (Preview: no build)',
  roles: ['roles/storage.admin'],
  async inspect(context) {
    context.sourceHash = await plainHash(context.runtimeFolder)
    const uri = archiveUri(context, 'plain')
    const generation = isOff(context, 'storage') ? undefined : await objectGeneration(uri)
    if (generation === undefined) return [{ action: 'upload', resource: uri }]
    context.program = { archive: archiveName(context, 'plain') }
    return [{ action: 'keep', resource: uri }]
  },
  async apply(context, _, reporter) {
    await uploaded(context, 'plain', reporter, (upload) => withPlainSource(context.runtimeFolder, upload))
    context.program = { archive: archiveName(context, 'plain') }
    return { done: archiveName(context, 'plain').object }
  },
}

/** A user's own image. Only a reference by digest always names the same image. */
const givenImage: DeployStep = {
  title: 'Image',
  roles: [],
  async inspect(context) {
    const { image = '' } = context.options
    context.sourceHash = createHash('sha256').update(image).digest('hex')
    context.program = { image }
    return [{ action: 'keep', resource: image }]
  },
  async apply() {
    return { skipped: 'given with --image' }
  },
}

type ArchiveKind = 'image' | 'plain'

function archiveName(context: DeployContext, kind: ArchiveKind): { bucket: string; object: string } {
  const object = `${ARCHIVE_PREFIX}${kind}-${tag(context.sourceHash!)}.tar.gz`
  return { bucket: bucketName(context.target.place), object }
}

function archiveUri(context: DeployContext, kind: ArchiveKind): string {
  const { bucket, object } = archiveName(context, kind)
  return `gs://${bucket}/${object}`
}

/** Uploads an archive if it does not exist. Returns its generation. */
async function uploaded(
  context: DeployContext,
  kind: ArchiveKind,
  reporter: StepReporter,
  withTree: (upload: (tree: SourceTree) => Promise<void>) => Promise<void>,
): Promise<string> {
  const uri = archiveUri(context, kind)
  const existing = await objectGeneration(uri)
  if (existing !== undefined) return existing
  await withTree(async (tree) => {
    const bytes = await packedSource(tree)
    reporter.detail(`uploading ${(bytes.length / 1e6).toFixed(1)} MB`)
    await writeObject(uri, bytes, { contentType: 'application/gzip' })
  })
  return (await objectGeneration(uri)) ?? ''
}
