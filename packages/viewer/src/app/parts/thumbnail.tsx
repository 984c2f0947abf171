import { useState } from 'react'
import { Icon } from './icon.tsx'

/** A small image, loaded when it comes near the screen; a sign in its place if it is not there. */
export function Thumbnail({ address, name }: { address: string | null; name: string }) {
  const [failed, setFailed] = useState<string>()
  if (address === null || failed === address) {
    return (
      <span className="no-thumbnail" title="The image cannot be shown">
        <Icon name="image" />
        {name !== '' && <span className="sr">{name}: the image cannot be shown</span>}
      </span>
    )
  }
  return (
    <img
      // Without a key, the last image would stay until the next one is here.
      key={address}
      className="thumbnail"
      src={address}
      alt={name}
      loading="lazy"
      decoding="async"
      draggable={false}
      onError={() => setFailed(address)}
    />
  )
}
