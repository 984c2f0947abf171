import { createHash } from 'node:crypto'
import { ImageryError } from '../../contracts/errors.ts'
import { bucketName, builderAccount, repositoryName } from '../../contracts/names.ts'
import type { StepReporter } from '../../contracts/steps.ts'
import { imagePath, taggedImage } from '../../google/admin/artifact-registry.ts'
import { BuildUnwatched } from '../../google/admin/build.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { objectGeneration, writeObject } from '../../google/storage/storage.ts'
import { ARCHIVE_PREFIX } from './bucket.ts'
import { isOff, type AddingStep, type DeployContext, type WithCode } from './context.ts'
import { buildImage } from './image-build.ts'
import { withPlainSource } from './plain-source.ts'
import { imageSource, packedSource, type SourceTree } from './source-archive.ts'
import { imageHash, plainHash } from './source-hashes.ts'

/** The image's name in the repository. */
const IMAGE = 'runtime'

/** The number of hash digits in names, more than enough to tell archives apart. */
const NAME_DIGITS = 40

/** The step that decides what the services run. */
export function programStep({ image, build }: DeployContext['options']): AddingStep<object, WithCode> {
  if (image !== undefined) return givenImage(image)
  return build ? builtImage : plainArchive
}

const builtImage: AddingStep<object, WithCode> = {
  title: 'Image',
  roles: ['roles/run.sourceDeveloper', 'roles/storage.admin', 'roles/artifactregistry.admin'],
  async inspect(context) {
    const hash = await imageHash(context.runtimeFolder)
    const uri = uriOf(archiveName(context, 'image', hash))
    const path = `${imagePath(repositoryName(context.target.place), IMAGE)}:${tag(hash)}`
    const code = await findImage(context, hash)
    if (code) return { changes: [{ action: 'keep', resource: path }], found: { code } }
    const isUploaded = !isOff(context, 'storage') && (await objectGeneration(uri)) !== undefined
    return {
      changes: [
        { action: isUploaded ? 'keep' : 'upload', resource: uri },
        { action: 'build', resource: path },
      ],
    }
  },
  async apply(context, _, reporter) {
    const { place } = context.target
    const hash = await imageHash(context.runtimeFolder)
    const archive = archiveName(context, 'image', hash)
    const generation = await uploaded(archive, reporter, (upload) => imageSource(context.runtimeFolder).then(upload))
    const request = {
      projectId: place.projectId,
      source: { ...archive, generation },
      image: `${imagePath(repositoryName(place), IMAGE)}:${tag(hash)}`,
      serviceAccount: builderAccount(place),
      tag: `imagery-${tag(hash)}`,
    }
    const region = await buildImage(context, request, reporter).catch(async (error: unknown) => {
      // The build can end well although it cannot be watched.
      if (error instanceof BuildUnwatched && (await findImage(context, hash))) return place.region
      throw failedBuild(error)
    })
    const code = await findImage(context, hash)
    if (!code)
      throw new ImageryError('DEPLOYMENT_FAILED', `The build finished, but image ${IMAGE}:${tag(hash)} does not exist`)
    const elsewhere = region === place.region ? '' : `, built in ${region}`
    return { done: `${IMAGE}:${tag(hash).slice(0, 12)}${elsewhere}`, adds: { code } }
  },
}

function failedBuild(error: unknown): unknown {
  if (!(error instanceof CloudError) || error.retryable || error.status === 'PERMISSION_DENIED') return error
  return new ImageryError('DEPLOYMENT_FAILED', `The image could not be built: ${error.message}`, { cause: error })
}

/** Finds the image of this runtime, by its digest, if it was built before. */
async function findImage(context: DeployContext, sourceHash: string): Promise<WithCode['code'] | undefined> {
  if (isOff(context, 'artifactregistry')) return undefined
  const repository = repositoryName(context.target.place)
  const digest = await taggedImage(repository, IMAGE, tag(sourceHash))
  return digest === undefined
    ? undefined
    : { program: { image: `${imagePath(repository, IMAGE)}@${digest}` }, sourceHash }
}

const tag = (hash: string): string => hash.slice(0, NAME_DIGITS)

const plainArchive: AddingStep<object, WithCode> = {
  title: 'Source archive (Preview: no build)',
  roles: ['roles/storage.admin'],
  async inspect(context) {
    const sourceHash = await plainHash(context.runtimeFolder)
    const archive = archiveName(context, 'plain', sourceHash)
    const resource = uriOf(archive)
    const generation = isOff(context, 'storage') ? undefined : await objectGeneration(resource)
    if (generation === undefined) return { changes: [{ action: 'upload', resource }] }
    return { changes: [{ action: 'keep', resource }], found: { code: { program: { archive }, sourceHash } } }
  },
  async apply(context, _, reporter) {
    const sourceHash = await plainHash(context.runtimeFolder)
    const archive = archiveName(context, 'plain', sourceHash)
    await uploaded(archive, reporter, (upload) => withPlainSource(context.runtimeFolder, upload))
    return { done: archive.object, adds: { code: { program: { archive }, sourceHash } } }
  },
}

/** A user's own image. Only a reference by digest always names the same image. */
function givenImage(image: string): AddingStep<object, WithCode> {
  const adds = { code: { program: { image }, sourceHash: createHash('sha256').update(image).digest('hex') } }
  return {
    title: 'Image',
    roles: [],
    inspect: () => Promise.resolve({ changes: [{ action: 'keep', resource: image }], found: adds }),
    apply: () => Promise.resolve({ skipped: 'given with --image', adds }),
  }
}

type ArchiveKind = 'image' | 'plain'

interface ArchiveName {
  bucket: string
  object: string
}

function archiveName({ target }: DeployContext, kind: ArchiveKind, sourceHash: string): ArchiveName {
  return { bucket: bucketName(target.place), object: `${ARCHIVE_PREFIX}${kind}-${tag(sourceHash)}.tar.gz` }
}

const uriOf = ({ bucket, object }: ArchiveName): string => `gs://${bucket}/${object}`

/** Uploads an archive if it does not exist. Returns its generation. */
async function uploaded(
  archive: ArchiveName,
  reporter: StepReporter,
  withTree: (upload: (tree: SourceTree) => Promise<void>) => Promise<void>,
): Promise<string> {
  const uri = uriOf(archive)
  const existing = await objectGeneration(uri)
  if (existing !== undefined) return existing
  await withTree(async (tree) => {
    const bytes = await packedSource(tree)
    reporter.detail(`uploading ${(bytes.length / 1e6).toFixed(1)} MB`)
    await writeObject(uri, bytes, { contentType: 'application/gzip' })
  })
  return (await objectGeneration(uri)) ?? ''
}
