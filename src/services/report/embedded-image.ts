import { ImageryError } from '../../contracts/errors.ts'
import { ImageFailure, type RunImages, type ShownImage } from '../view/images.ts'

/** `thumbnails` are at most 320 pixels wide and high; `full` images are the files themselves, with their metadata. */
export type Embedding = 'none' | 'thumbnails' | 'full'

/** Why a report does not have an image. */
export type Absence = 'missing' | 'denied' | 'unreadable'

/**
 * Reads an image for a report, with the user's own credentials.
 *
 * @throws ImageryError CLOUD_ERROR for a failure that another image would have too
 */
export async function embeddedImage(
  images: RunImages,
  uri: string,
  embedding: Exclude<Embedding, 'none'>,
): Promise<ShownImage | Absence> {
  try {
    return await (embedding === 'full' ? images.full(uri) : images.thumbnail(uri))
  } catch (error) {
    if (!(error instanceof ImageFailure)) throw error
    switch (error.status) {
      case 403:
        return 'denied'
      case 404:
        return 'missing'
      case 415:
        return 'unreadable'
      case 502:
        throw new ImageryError('CLOUD_ERROR', error.message, { suggestions: error.suggestions, cause: error })
    }
  }
}
