import { useEffect, useRef, useState, type RefObject } from 'react'

/** In pixels from the frame's corner. */
export type Place = [x: number, y: number]

export interface BoxStyle {
  left: number
  top: number
  width: number
  height: number
}

/** A smaller box is a click with an unsteady hand, in pixels. */
const LEAST = 4

interface Actions {
  start: () => void
  end: () => void
  drawn: (one: Place, other: Place) => void
}

/** Lets a drag draw a box: with Shift, or always while `isOn`. Returns the box that is being drawn. */
export function useBoxDrawing(
  frame: RefObject<HTMLElement | null>,
  isOn: boolean,
  actions: Actions,
): BoxStyle | undefined {
  const [box, setBox] = useState<BoxStyle>()
  const latest = useRef({ isOn, actions })
  latest.current = { isOn, actions }
  useEffect(() => {
    const element = frame.current
    if (element === null) return
    let from: Place | undefined
    const place = (event: PointerEvent): Place => {
      const { left, top } = element.getBoundingClientRect()
      return [event.clientX - left, event.clientY - top]
    }
    const onDown = (event: PointerEvent): void => {
      if (event.button !== 0 || !(event.shiftKey || latest.current.isOn)) return
      if (event.target instanceof Element && event.target.closest('button') !== null) return
      from = place(event)
      latest.current.actions.start()
      event.preventDefault()
    }
    const onMove = (event: PointerEvent): void => {
      if (from === undefined) return
      const [x, y] = place(event)
      setBox({
        left: Math.min(x, from[0]),
        top: Math.min(y, from[1]),
        width: Math.abs(x - from[0]),
        height: Math.abs(y - from[1]),
      })
    }
    const onUp = (event: PointerEvent): void => {
      if (from === undefined) return
      const [start, end] = [from, place(event)]
      from = undefined
      setBox(undefined)
      latest.current.actions.end()
      if (Math.abs(end[0] - start[0]) >= LEAST && Math.abs(end[1] - start[1]) >= LEAST) {
        latest.current.actions.drawn(start, end)
      }
    }
    element.addEventListener('pointerdown', onDown, true)
    window.addEventListener('pointermove', onMove)
    window.addEventListener('pointerup', onUp)
    return () => {
      element.removeEventListener('pointerdown', onDown, true)
      window.removeEventListener('pointermove', onMove)
      window.removeEventListener('pointerup', onUp)
    }
  }, [frame])
  return box
}
