import type { Clock } from '../../kernel/clock.ts'
import type { ImageFiles } from './image-files.ts'
import { parseImageReference, type ImageConfig, type StoredImage } from './resources.ts'
import type { RegistryStore } from './store.ts'

/** What builds push to and deployments pull from. */
export interface Registry {
  /** Whether the repository of `REGION-docker.pkg.dev/PROJECT/REPOSITORY/…` is there. */
  hasRepositoryOf(reference: string): boolean
  /** Keeps a copy of the tree at `root` under `REPOSITORY/PACKAGE[:TAG]`, `latest` unless it says otherwise. */
  push(reference: string, image: { root: string; config: ImageConfig }): StoredImage
  /** The image that the reference means now; undefined when there is none. */
  resolve(reference: string): StoredImage | undefined
  /** Copies an image's file system to `target`, which is made. */
  copyTo(digest: string, target: string): void
}

export function openRegistry(store: RegistryStore, files: ImageFiles, clock: Clock): Registry {
  return {
    hasRepositoryOf(reference) {
      const parsed = parseImageReference(reference)
      return parsed !== undefined && store.repository(parsed.repository) !== undefined
    },
    push(reference, { root, config }) {
      const parsed = parseImageReference(reference)
      if (!parsed || !store.repository(parsed.repository)) throw new Error(`no repository for ${reference}`)
      const { digest, sizeBytes } = files.add(root, config)
      const now = new Date(clock.now()).toISOString()
      const { repository, package: name, tag = 'latest' } = parsed
      const image = { repository, package: name, digest, config, sizeBytes, builtAt: now, uploadedAt: now }
      store.putImage(image, tag)
      return store.image(repository, name, digest) ?? image
    },
    resolve(reference) {
      const parsed = parseImageReference(reference)
      if (!parsed) return undefined
      const { repository, package: name, tag = 'latest' } = parsed
      const digest = parsed.digest ?? store.tags(repository, name).find((entry) => entry.tag === tag)?.digest
      return digest === undefined ? undefined : store.image(repository, name, digest)
    },
    copyTo: (digest, target) => files.copyTo(digest, target),
  }
}
