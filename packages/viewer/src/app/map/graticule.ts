export interface Bounds {
  west: number
  south: number
  east: number
  north: number
}

export interface Graticule {
  longitudes: number[]
  latitudes: number[]
  /** Decimal places that tell the lines apart. */
  digits: number
}

const STEPS = [30, 15, 10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001, 0.0005, 0.0002, 0.0001]
const MOST_LINES = 9
/** Pixels between two lines of longitude, at least: a label such as `105.2855° W` stands beside each. */
const LABEL_WIDTH = 84

function lines(from: number, to: number, step: number): number[] {
  const first = Math.ceil(from / step)
  const last = Math.floor(to / step)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) =>
    Number(((first + index) * step).toFixed(6)),
  )
}

/**
 * Returns the lines of longitude and latitude to draw in a view: at even degrees, and at most nine across.
 *
 * @param width of the view, in pixels
 */
export function graticuleOf({ west, south, east, north }: Bounds, width: number): Graticule {
  const most = Math.max(1, Math.min(MOST_LINES, width / LABEL_WIDTH))
  const step = STEPS.findLast((each) => (east - west) / each <= most) ?? 30
  const digits = Math.max(0, Math.ceil(-Math.log10(step)))
  return {
    longitudes: lines(west, east, step),
    latitudes: lines(Math.max(-85, south), Math.min(85, north), step),
    digits,
  }
}

/** `12.5° W`. A longitude beyond 180° is the one on the other side. */
export function degrees(value: number, digits: number, [positive, negative]: readonly [string, string]): string {
  const turned = positive === 'E' ? ((((value + 180) % 360) + 360) % 360) - 180 : value
  const side = turned === 0 || Math.abs(turned) === 180 ? '' : turned > 0 ? ` ${positive}` : ` ${negative}`
  return `${Math.abs(turned).toFixed(digits)}°${side}`
}
