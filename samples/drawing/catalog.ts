import type { LIGHTS } from './color.ts'
import type { Exposure } from './photograph.ts'
import type { StreetPlan } from './street.ts'
import type { Subject } from './subjects.ts'

/** One picture of an asset. */
export interface Shot {
  /** Meters from the camera to the subject, along the street. */
  distance: number
  /** Meters to the right of the street's middle. */
  lane?: number
  size?: readonly [width: number, height: number]
  focalLength: number
  /** Where the subject is in the picture: shares of width and height. */
  at?: { x: number; y: number }
  light: keyof typeof LIGHTS
  exposure?: Exposure
  captured: string
}

export interface SampleAsset {
  /** Names the image files: `<name>-1.jpg`, ... */
  name: string
  type: 'ASSET_CLASS_ROAD_SIGN' | 'ASSET_CLASS_UTILITY_POLE'
  subject: Subject
  plan: StreetPlan
  location: { latitude: number; longitude: number }
  /** The direction of the street, degrees clockwise from north. */
  heading: number
  shots: readonly Shot[]
}
