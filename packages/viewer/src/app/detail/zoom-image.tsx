import { useEffect, useRef, useState, type PointerEvent } from 'react'
import { Icon } from '../parts/icon.tsx'
import { isTyping } from '../shell/keys.ts'
import { MissingImage } from './missing-image.tsx'

const MOST = 16

interface View {
  scale: number
  /** Of the image's center from the frame's center, in pixels. */
  x: number
  y: number
}

const WHOLE: View = { scale: 1, x: 0, y: 0 }

/** Keeps the image from leaving its frame. */
function bounded({ scale, x, y }: View, frame: HTMLElement | null): View {
  const most = { x: ((frame?.clientWidth ?? 0) * (scale - 1)) / 2, y: ((frame?.clientHeight ?? 0) * (scale - 1)) / 2 }
  return { scale, x: Math.min(most.x, Math.max(-most.x, x)), y: Math.min(most.y, Math.max(-most.y, y)) }
}

/** An image that a wheel, a double click or a key enlarges, and a drag moves. */
export function ZoomImage({ address, name }: { address: string | null; name: string }) {
  const frame = useRef<HTMLDivElement>(null)
  const [view, setView] = useState(WHOLE)
  const [state, setState] = useState<'loading' | 'ready' | 'failed'>('loading')
  const [size, setSize] = useState('')

  const zoom = (factor: number, at = { x: 0, y: 0 }): void =>
    setView((now) => {
      const scale = Math.min(MOST, Math.max(1, now.scale * factor))
      const ratio = scale / now.scale
      return bounded({ scale, x: at.x - (at.x - now.x) * ratio, y: at.y - (at.y - now.y) * ratio }, frame.current)
    })
  const fromCenter = (event: { clientX: number; clientY: number }): { x: number; y: number } => {
    const box = frame.current?.getBoundingClientRect()
    if (box === undefined) return { x: 0, y: 0 }
    return { x: event.clientX - box.left - box.width / 2, y: event.clientY - box.top - box.height / 2 }
  }

  useEffect(() => {
    const element = frame.current
    // React listens to wheels passively, which could not keep the page from scrolling.
    const onWheel = (event: WheelEvent): void => {
      event.preventDefault()
      zoom(Math.exp(-event.deltaY / 400), fromCenter(event))
    }
    const onKeyDown = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || isTyping(event.target)) return
      if (event.key === '+' || event.key === '=') zoom(1.5)
      else if (event.key === '-') zoom(1 / 1.5)
      else if (event.key === '0') setView(WHOLE)
    }
    element?.addEventListener('wheel', onWheel, { passive: false })
    window.addEventListener('keydown', onKeyDown)
    return () => {
      element?.removeEventListener('wheel', onWheel)
      window.removeEventListener('keydown', onKeyDown)
    }
  }, [])

  const onPointerMove = (event: PointerEvent): void => {
    if (event.buttons !== 1 || view.scale === 1) return
    const { movementX, movementY } = event
    setView((now) => bounded({ ...now, x: now.x + movementX, y: now.y + movementY }, frame.current))
  }

  if (address === null || state === 'failed') return <MissingImage address={address} name={name} />
  return (
    <figure className="zoom-figure">
      <div
        ref={frame}
        className={view.scale > 1 ? 'zoom zoomed' : 'zoom'}
        onPointerMove={onPointerMove}
        onDoubleClick={(event) => (view.scale > 1 ? setView(WHOLE) : zoom(3, fromCenter(event)))}
      >
        {state === 'loading' && <span className="zoom-wait" />}
        <img
          src={address}
          alt={name}
          draggable={false}
          style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
          onLoad={(event) => {
            setState('ready')
            setSize(`${event.currentTarget.naturalWidth} × ${event.currentTarget.naturalHeight}`)
          }}
          onError={() => setState('failed')}
        />
        <div className="zoom-tools">
          <button type="button" className="icon" onClick={() => zoom(1.5)} aria-label="Zoom in" title="Zoom in (+)">
            <span aria-hidden="true">+</span>
          </button>
          <button
            type="button"
            className="icon"
            onClick={() => zoom(1 / 1.5)}
            aria-label="Zoom out"
            title="Zoom out (−)"
          >
            <span aria-hidden="true">−</span>
          </button>
          <button
            type="button"
            className="icon"
            onClick={() => setView(WHOLE)}
            aria-label="Whole image"
            title="Whole image (0)"
          >
            <Icon name="fit" />
          </button>
        </div>
      </div>
      <figcaption>
        <bdi>{name}</bdi> <span className="muted">{size}</span>
      </figcaption>
    </figure>
  )
}
