import { ImageNumbers, rowImages } from '@imagery/viewer/contract/report'
import type { Row } from '@imagery/viewer/contract/columns'

interface PlannedImage {
  number: number
  uri: string
}

/** Collects the images that rows name, each once, and chooses those that a report gets. */
export class ImagePlan {
  readonly #numbers = new ImageNumbers()
  /** By the image's place in the first row that names it. */
  readonly #byPlace: PlannedImage[][] = []
  #count = 0

  add(values: Row): void {
    for (const [place, { gcs_uri: uri }] of rowImages(values).entries()) {
      const number = this.#numbers.add(uri)
      if (number < this.#count) continue
      this.#count += 1
      ;(this.#byPlace[place] ??= []).push({ number, uri })
    }
  }

  /** The number of different images. */
  get count(): number {
    return this.#count
  }

  /** Returns the first image of every row before the second one of any. */
  inOrder(): PlannedImage[] {
    return this.#byPlace.flat()
  }
}
