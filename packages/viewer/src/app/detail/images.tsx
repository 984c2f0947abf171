import { useState } from 'react'
import type { UnitDetail } from '../../contract/source.ts'
import { useShared } from '../data/source-context.ts'
import { Thumbnail } from '../parts/thumbnail.tsx'
import { ZoomImage } from './zoom-image.tsx'

/** One image large, and all as small ones to choose from. */
export function Images({ unitId, images }: { unitId: string; images: UnitDetail['images'] }) {
  const { source } = useShared()
  const [chosen, setChosen] = useState(0)
  if (images.length === 0) return <p className="no-image">This asset has no image.</p>
  const place = Math.min(chosen, images.length - 1)
  const name = (index: number): string =>
    images[index]?.observation_id ?? images[index]?.gcs_uri.split('/').at(-1) ?? `image ${index + 1}`
  const address = source.imageUrl(unitId, place, 'full') ?? source.imageUrl(unitId, place, 'thumbnail')
  return (
    <>
      <ZoomImage key={`${unitId} ${place}`} address={address} name={name(place)} />
      {images.length > 1 && (
        <ul className="thumbnails">
          {images.map((image, index) => (
            <li key={`${image.gcs_uri} ${image.observation_id}`}>
              <button
                type="button"
                aria-pressed={index === place}
                aria-label={`Image ${index + 1} of ${images.length}: ${name(index)}`}
                onClick={() => setChosen(index)}
              >
                <Thumbnail address={source.imageUrl(unitId, index, 'thumbnail')} name="" />
              </button>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}
