import { registryUri, type StoredImage } from './resources.ts'
import type { RegistryStore } from './store.ts'

/** A resource in JSON. */
type Resource = { name: string } & Record<string, unknown>

const MANIFEST_TYPE = 'application/vnd.docker.distribution.manifest.v2+json'

/** https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories.dockerImages#DockerImage */
export function dockerImage(image: StoredImage, tags: readonly string[]): Resource {
  return {
    name: `${image.repository}/dockerImages/${encodeURIComponent(image.package)}@${image.digest}`,
    uri: `${registryUri(image.repository)}/${image.package}@${image.digest}`,
    ...(tags.length > 0 ? { tags } : {}),
    imageSizeBytes: String(image.sizeBytes),
    uploadTime: image.uploadedAt,
    mediaType: MANIFEST_TYPE,
    buildTime: image.builtAt,
    updateTime: image.uploadedAt,
  }
}

/** Every package of a repository: https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories.packages#Package */
export function packages(images: readonly StoredImage[]): Resource[] {
  const byName = Map.groupBy(images, (image) => image.package)
  return [...byName].map(([name, versions]) => {
    const times = versions.map(({ uploadedAt }) => uploadedAt).toSorted()
    return {
      name: `${versions[0]?.repository}/packages/${encodeURIComponent(name)}`,
      createTime: times[0],
      updateTime: times.at(-1),
    }
  })
}

/** https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories.packages.versions#Version */
export function version(image: StoredImage, tags: readonly string[], view: string): Resource {
  const parent = packageName(image)
  const related = tags.map((name) => tag(image, name))
  return {
    name: `${parent}/versions/${image.digest}`,
    createTime: image.uploadedAt,
    updateTime: image.uploadedAt,
    ...(view === 'FULL' && related.length > 0 ? { relatedTags: related } : {}),
    metadata: { name: dockerImage(image, []).name, imageSizeBytes: String(image.sizeBytes), mediaType: MANIFEST_TYPE },
  }
}

/** https://cloud.google.com/artifact-registry/docs/reference/rest/v1/projects.locations.repositories.packages.tags#Tag */
export function tag(image: Pick<StoredImage, 'repository' | 'package' | 'digest'>, name: string): Resource {
  const parent = packageName(image)
  return { name: `${parent}/tags/${name}`, version: `${parent}/versions/${image.digest}` }
}

/** The tags of one image, sorted. */
export function tagsOf(store: RegistryStore, image: StoredImage): string[] {
  return store
    .tags(image.repository, image.package)
    .filter(({ digest }) => digest === image.digest)
    .map((entry) => entry.tag)
}

function packageName(image: Pick<StoredImage, 'repository' | 'package'>): string {
  return `${image.repository}/packages/${encodeURIComponent(image.package)}`
}
