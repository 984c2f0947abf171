import { useEffect, useRef } from 'react'
import { counted } from '../format/numbers.ts'
import { useSize } from '../parts/use-size.ts'
import { boxBetween } from './box.ts'
import { colorFunction } from './coloring.ts'
import type { MapProps } from './map-props.ts'
import { planeOf } from './plane.ts'
import { useBoxDrawing } from './use-box-drawing.ts'

const RADIUS = 3
/** A click this near to a point opens its unit, in pixels. */
const REACH = 8

/** A still map on a canvas, for browsers without WebGL. */
export function PlainMap({ points, coloring, bounds, onBox, onUnit }: MapProps) {
  const frame = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const size = useSize(frame)
  const plane = planeOf(bounds, size)

  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (context === null || context === undefined) return
    const color = colorFunction(coloring)
    const scale = window.devicePixelRatio
    context.setTransform(scale, 0, 0, scale, 0, 0)
    context.clearRect(0, 0, size.width, size.height)
    for (const [index, longitude] of points.longitudes.entries()) {
      const [x, y] = plane.place(longitude, points.latitudes[index] ?? 0)
      context.fillStyle = color(points.values[index] ?? null)
      context.beginPath()
      context.arc(x, y, RADIUS, 0, 2 * Math.PI)
      context.fill()
    }
  })
  const box = useBoxDrawing(frame, true, {
    start: () => undefined,
    end: () => undefined,
    drawn: (one, other) => onBox(boxBetween(plane.location(...one), plane.location(...other))),
  })
  const open = (x: number, y: number): void => {
    let best: { index: number; distance: number } | undefined
    for (const [index, longitude] of points.longitudes.entries()) {
      const [pointX, pointY] = plane.place(longitude, points.latitudes[index] ?? 0)
      const distance = Math.hypot(pointX - x, pointY - y)
      if (distance <= REACH && distance < (best?.distance ?? Infinity)) best = { index, distance }
    }
    const unit = points.unit_ids[best?.index ?? -1]
    if (unit !== undefined) onUnit(unit)
  }
  return (
    <div ref={frame} className="map plain-map box-mode" data-ready="true">
      <canvas
        ref={canvas}
        role="img"
        aria-label={`A map of ${counted(points.unit_ids.length, 'asset')}`}
        width={size.width * window.devicePixelRatio}
        height={size.height * window.devicePixelRatio}
        style={{ width: size.width, height: size.height }}
        onClick={({ nativeEvent }) => open(nativeEvent.offsetX, nativeEvent.offsetY)}
      />
      {box !== undefined && <div className="map-box" style={box} />}
      <p className="map-message">
        This browser has no WebGL, so the map stands still. Drag a box to filter, click a point to open it. To move and
        zoom, turn on hardware acceleration in the browser’s settings.
      </p>
    </div>
  )
}
