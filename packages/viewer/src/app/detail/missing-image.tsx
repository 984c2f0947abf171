import { useEffect, useState } from 'react'
import type { SourceError } from '../../contract/source-error.ts'
import { useShared } from '../data/source-context.ts'
import { Icon } from '../parts/icon.tsx'

/** Stands in the place of an image that is not there, and says why: the user may not be allowed to read it. */
export function MissingImage({ address, name }: { address: string | null; name: string }) {
  const { source } = useShared()
  const [fault, setFault] = useState<SourceError>()
  useEffect(() => {
    if (address === null) return
    let isCurrent = true
    void source.imageFault(address).then((found) => isCurrent && setFault(found))
    return () => {
      isCurrent = false
    }
  }, [source, address])
  return (
    <div className="zoom no-image" role="group" aria-label={`${name}: the image cannot be shown`}>
      <Icon name="image" />
      <p role="status">
        {address === null ? 'This report does not have the image.' : (fault?.message ?? 'The image cannot be shown.')}
      </p>
      {fault?.suggestions.map((suggestion) => (
        <p key={suggestion}>{suggestion}</p>
      ))}
    </div>
  )
}
