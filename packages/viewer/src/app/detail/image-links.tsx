import type { UnitDetail } from '../../contract/source.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Icon } from '../parts/icon.tsx'
import { consoleLink } from './console-link.ts'

/** The objects of the images in Cloud Storage. */
export function ImageLinks({ images }: { images: UnitDetail['images'] }) {
  if (images.length === 0) return null
  return (
    <details className="unit-section" open={images.length <= 3}>
      <summary>{images.length === 1 ? 'Image' : `${images.length} images`} in Cloud Storage</summary>
      <ul className="image-links">
        {images.map(({ gcs_uri, console_url, observation_id }) => {
          const link = consoleLink(console_url)
          return (
            <li key={gcs_uri + (observation_id ?? '')}>
              {observation_id !== null && <bdi className="muted">{observation_id}</bdi>}
              <code>{gcs_uri}</code>
              <CopyButton text={gcs_uri} label="Copy" />
              {link !== null && (
                <a href={link} target="_blank" rel="noreferrer noopener">
                  Open in the console <Icon name="link" />
                </a>
              )}
            </li>
          )
        })}
      </ul>
    </details>
  )
}
