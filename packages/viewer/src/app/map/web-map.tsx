import {
  LngLat,
  Map as MapLibreMap,
  NavigationControl,
  ScaleControl,
  setWorkerUrl,
  type GeoJSONSource,
} from 'maplibre-gl'
import 'maplibre-gl/dist/maplibre-gl.css'
import { useEffect, useRef, useState } from 'react'
import { Loading } from '../parts/empty.tsx'
import { Icon } from '../parts/icon.tsx'
import { isDark } from '../shell/theme.ts'
import { boxBetween, mercatorCorner } from './box.ts'
import { degrees, graticuleOf } from './graticule.ts'
import type { MapProps } from './map-props.ts'
import { PointChoice, PointNames, type PointsAt } from './points-at.tsx'
import { mapColors, mapStyle } from './map-style.ts'
import { lineShapes, pointShapes } from './shapes.ts'
import { useBoxDrawing } from './use-box-drawing.ts'
import { workerAddress } from './worker-address.ts'

setWorkerUrl(workerAddress())

/** A click this near to a point opens its unit, in pixels. */
const REACH = 6
/** Points that are this near to each other are at one place, in pixels. */
const SAME_PLACE = 2

/** In pixels, with the room around it. */
const SCALE_WIDTH = 150

const SPACE = { padding: 48, maxZoom: 16 }

/** MapLibre counts longitudes on beyond 180°. */
function turnedBounds([west, south, east, north]: MapProps['bounds']): [number, number, number, number] {
  return [west, south, west > east ? east + 360 : east, north]
}

interface Label {
  text: string
  x?: number
  y?: number
}

/** A map by MapLibre, which draws with WebGL. */
export default function WebMap(props: MapProps) {
  const { points, coloring, bounds, isBoxMode, onBox, onUnit } = props
  const frame = useRef<HTMLDivElement>(null)
  const map = useRef<MapLibreMap>(null)
  const [isReady, setReady] = useState(false)
  const [labels, setLabels] = useState<Label[]>([])
  const [hover, setHover] = useState<PointsAt>()
  const [choice, setChoice] = useState<PointsAt>()
  const latest = useRef(props)
  latest.current = props

  useEffect(() => {
    if (frame.current === null) return
    const made = new MapLibreMap({
      container: frame.current,
      style: mapStyle(isDark()),
      bounds: turnedBounds(latest.current.bounds),
      fitBoundsOptions: SPACE,
      boxZoom: false,
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      attributionControl: false,
      maxZoom: 21,
    })
    map.current = made
    made.touchZoomRotate.disableRotation()
    made.addControl(new NavigationControl({ showCompass: false }), 'top-right')
    made.addControl(new ScaleControl({}), 'bottom-right')
    const drawGraticule = (): void => {
      const view = made.getBounds()
      const width = made.getContainer().clientWidth
      const lines = graticuleOf(
        { west: view.getWest(), south: view.getSouth(), east: view.getEast(), north: view.getNorth() },
        width,
      )
      void made.getSource<GeoJSONSource>('graticule')?.setData(lineShapes(lines))
      const middle = made.getCenter()
      // The scale is in the corner on the right.
      const right = width - SCALE_WIDTH
      const all: Label[] = [
        ...lines.longitudes.map((at) => ({
          text: degrees(at, lines.digits, ['E', 'W']),
          x: made.project(new LngLat(at, middle.lat)).x,
        })),
        ...lines.latitudes.map((at) => ({
          text: degrees(at, lines.digits, ['N', 'S']),
          y: made.project(new LngLat(middle.lng, at)).y,
        })),
      ]
      setLabels(all.filter(({ x }) => x === undefined || x < right))
    }
    let isLoaded = false
    made.once('load', () => {
      isLoaded = true
      drawGraticule()
      setReady(true)
    })
    made.on('movestart', () => {
      setLabels([])
      setChoice(undefined)
    })
    made.on('moveend', drawGraticule)
    const near = (at: { x: number; y: number }): number[] => {
      const found = made.queryRenderedFeatures(
        [
          [at.x - REACH, at.y - REACH],
          [at.x + REACH, at.y + REACH],
        ],
        { layers: ['points'] },
      )
      const distance = (index: number): number => {
        const { longitudes, latitudes } = latest.current.points
        const place = made.project([longitudes[index] ?? 0, latitudes[index] ?? 0])
        return Math.hypot(place.x - at.x, place.y - at.y)
      }
      // A point on the edge of a tile is found in each of the two.
      const indices = [...new Set(found.map(({ properties }) => properties['index'] as number))]
      const sorted = indices.toSorted((a, b) => distance(a) - distance(b))
      // Only those that no eye can tell from the nearest.
      return sorted.filter((index) => distance(index) <= distance(sorted[0] ?? index) + SAME_PLACE)
    }
    made.on('click', ({ point }) => {
      const found = near(point)
      const unit = latest.current.points.unit_ids[found[0] ?? -1]
      setChoice(undefined)
      if (unit === undefined || latest.current.isBoxMode) return
      if (found.length === 1) latest.current.onUnit(unit)
      else setChoice({ x: point.x, y: point.y, indices: found })
    })
    made.on('mousemove', ({ point }) => {
      const indices = near(point)
      made.getCanvas().style.cursor = latest.current.isBoxMode ? 'crosshair' : indices.length === 0 ? '' : 'pointer'
      setHover(indices.length === 0 ? undefined : { x: point.x, y: point.y, indices })
    })
    made.on('mouseout', () => setHover(undefined))

    const recolor = (): void => {
      const { background, land, line, edge } = mapColors(isDark())
      made.setPaintProperty('background', 'background-color', background)
      made.setPaintProperty('land', 'fill-color', land)
      made.setPaintProperty('graticule', 'line-color', line)
      made.setPaintProperty('points', 'circle-stroke-color', edge)
    }
    const dark = matchMedia('(prefers-color-scheme: dark)')
    dark.addEventListener('change', recolor)
    window.addEventListener('imagery-theme', recolor)
    return () => {
      dark.removeEventListener('change', recolor)
      window.removeEventListener('imagery-theme', recolor)
      // Its worker fails if the map is gone when it starts.
      if (isLoaded) made.remove()
      else made.once('load', () => made.remove())
      map.current = null
    }
  }, [])

  useEffect(() => {
    if (isReady) void map.current?.getSource<GeoJSONSource>('points')?.setData(pointShapes(points, coloring))
  }, [isReady, points, coloring])

  const box = useBoxDrawing(frame, isBoxMode, {
    start: () => map.current?.dragPan.disable(),
    end: () => map.current?.dragPan.enable(),
    drawn: (one, other) => {
      const [from, to] = [one, other].map((at) => map.current && mercatorCorner(map.current.unproject(at)))
      if (from && to) onBox(boxBetween(from, to))
    },
  })
  const keepView = (): void => {
    const view = map.current?.getBounds()
    if (view !== undefined) onBox(boxBetween(mercatorCorner(view.getSouthWest()), mercatorCorner(view.getNorthEast())))
  }

  return (
    <>
      <div ref={frame} className={isBoxMode ? 'map box-mode' : 'map'} data-ready={isReady} />
      {!isReady && <Loading what="the map" />}
      {labels.map(({ text, x, y }) => (
        <span
          key={`${text} ${x === undefined}`}
          className={x === undefined ? 'map-label left' : 'map-label bottom'}
          style={x === undefined ? { top: y } : { left: x }}
          aria-hidden="true"
        >
          {text}
        </span>
      ))}
      {box !== undefined && <div className="map-box" style={box} />}
      {hover !== undefined && choice === undefined && <PointNames points={points} coloring={coloring} at={hover} />}
      {choice !== undefined && (
        <PointChoice points={points} at={choice} onUnit={onUnit} close={() => setChoice(undefined)} />
      )}
      <div className="map-tools">
        <button
          type="button"
          onClick={() => map.current?.fitBounds(turnedBounds(bounds), { ...SPACE, animate: false })}
        >
          <Icon name="fit" /> Show all
        </button>
        <button type="button" onClick={keepView}>
          Keep only this view
        </button>
        <span className="sr">Click a point, or use the table, to open an asset.</span>
      </div>
      {points.unit_ids.length === 1 && points.unit_ids[0] !== undefined && (
        <button type="button" className="map-only" onClick={() => onUnit(points.unit_ids[0] ?? '')}>
          Open {points.unit_ids[0]}
        </button>
      )}
    </>
  )
}
