import type { Clock } from '../../kernel/clock.ts'
import type { ImageFiles } from './image-files.ts'
import { parseImageReference, type ImageConfig, type StoredImage } from './resources.ts'
import type { RegistryStore } from './store.ts'

/** Builds push images to it, and deployments pull them. */
export class Registry {
  readonly #store: RegistryStore
  readonly #files: ImageFiles
  readonly #clock: Clock

  constructor(store: RegistryStore, files: ImageFiles, clock: Clock) {
    this.#store = store
    this.#files = files
    this.#clock = clock
  }

  /** Whether the repository of `REGION-docker.pkg.dev/PROJECT/REPOSITORY/…` exists. */
  hasRepositoryOf(reference: string): boolean {
    const parsed = parseImageReference(reference)
    return parsed !== undefined && this.#store.repository(parsed.repository) !== undefined
  }

  /** Stores the folder `root`, which it can move, under `REPOSITORY/PACKAGE[:TAG]`; the default tag is `latest`. */
  push(reference: string, { root, config }: { root: string; config: ImageConfig }): StoredImage {
    const parsed = parseImageReference(reference)
    if (!parsed || !this.#store.repository(parsed.repository)) throw new Error(`no repository for ${reference}`)
    const { digest, sizeBytes } = this.#files.add(root, config)
    const now = new Date(this.#clock.now()).toISOString()
    const { repository, package: name, tag = 'latest' } = parsed
    const image = { repository, package: name, digest, config, sizeBytes, builtAt: now, uploadedAt: now }
    this.#store.putImage(image, tag)
    return this.#store.image(repository, name, digest) ?? image
  }

  /** Returns the image that the reference names now; undefined when there is none. */
  resolve(reference: string): StoredImage | undefined {
    const parsed = parseImageReference(reference)
    if (!parsed) return undefined
    const { repository, package: name, tag = 'latest' } = parsed
    const tagged = this.#store.tags(repository, name).find((entry) => entry.tag === tag)
    const digest = parsed.digest ?? tagged?.digest
    return digest === undefined ? undefined : this.#store.image(repository, name, digest)
  }

  /** Copies an image's file system to the new folder `target`. */
  copyTo(digest: string, target: string): void {
    this.#files.copyTo(digest, target)
  }
}
