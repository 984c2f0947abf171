import type { Points } from '../../contract/source.ts'
import type { Box } from './box.ts'
import type { Coloring } from './coloring.ts'

/** What both ways to draw a map need. */
export interface MapProps {
  points: Points
  coloring: Coloring
  /** [west, south, east, north] in degrees of all assets. */
  bounds: [number, number, number, number]
  /** Whether a drag selects an area instead of moving the map. */
  isBoxMode: boolean
  onBox: (box: Box) => void
  onUnit: (unitId: string) => void
}
