import { useEffect, useRef } from 'react'
import type { Points } from '../../contract/source.ts'
import { counted } from '../format/numbers.ts'
import { valueText } from '../format/values.ts'
import type { Coloring } from './coloring.ts'

/** Points near a place on the screen, in pixels from the map's corner; the nearest first. */
export interface PointsAt {
  x: number
  y: number
  /** Places in {@link Points}. */
  indices: number[]
}

/** More are for a box. */
const MOST_CHOICES = 30

/** What is under the pointer. */
export function PointNames({ points, coloring, at }: { points: Points; coloring: Coloring; at: PointsAt }) {
  const [index = -1] = at.indices
  return (
    <div className="map-hover" style={{ left: at.x, top: at.y }} aria-hidden="true">
      <bdi>{points.unit_ids[index]}</bdi>
      {coloring.kind !== 'one' && (
        <bdi className="muted">{valueText(points.values[index], coloring.column) || 'no value'}</bdi>
      )}
      {at.indices.length > 1 && <span className="muted">and {at.indices.length - 1} more here</span>}
    </div>
  )
}

interface ChoiceProps {
  points: Points
  at: PointsAt
  onUnit: (unit: string) => void
  close: () => void
}

/** Lets one of several assets at a place be opened. */
export function PointChoice({ points, at, onUnit, close }: ChoiceProps) {
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => list.current?.querySelector('button')?.focus(), [at])
  return (
    <div
      className="map-choice"
      style={{ left: at.x, top: at.y }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') close()
      }}
    >
      <p className="muted">{counted(at.indices.length, 'asset')} here</p>
      <ul ref={list}>
        {at.indices.slice(0, MOST_CHOICES).map((index) => (
          <li key={index}>
            <button type="button" className="link" onClick={() => onUnit(points.unit_ids[index] ?? '')}>
              <bdi>{points.unit_ids[index]}</bdi>
            </button>
          </li>
        ))}
      </ul>
      {at.indices.length > MOST_CHOICES && <p className="muted">Zoom in, or select an area, for the rest.</p>}
    </div>
  )
}
