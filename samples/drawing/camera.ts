/** A point of the street: meters to the right of its middle, up from the ground, and along it. */
export type StreetPoint = readonly [right: number, up: number, along: number]

export type PixelPoint = readonly [x: number, y: number]

/** The position of the camera, and the part of the view it shows. */
export interface Camera {
  width: number
  height: number
  /** Pixels: larger is closer. */
  focalLength: number
  /** Meters to the right of the street's middle; up from the ground; along the street. */
  position: StreetPoint
  /** The vanishing point of the street in the picture. Can be outside it: a picture is a crop of a wider view. */
  vanishing: PixelPoint
}

/** Nothing closer is drawn. */
export const NEAREST = 1.6

/** A camera that looks along the street and shows `subject` at (x, y), both shares of the picture. */
export function cameraOn(
  subject: StreetPoint,
  at: { x: number; y: number },
  lens: Pick<Camera, 'width' | 'height' | 'focalLength' | 'position'>,
): Camera {
  const [right, up, along] = lens.position
  const scale = lens.focalLength / (subject[2] - along)
  const vanishing = [
    at.x * lens.width - scale * (subject[0] - right),
    at.y * lens.height + scale * (subject[1] - up),
  ] as const
  return { ...lens, vanishing }
}

export function project(camera: Camera, [right, up, along]: StreetPoint): PixelPoint {
  const scale = scaleAt(camera, along)
  return [
    camera.vanishing[0] + scale * (right - camera.position[0]),
    camera.vanishing[1] - scale * (up - camera.position[1]),
  ]
}

/** Pixels per meter at a distance along the street. */
export function scaleAt(camera: Camera, along: number): number {
  return camera.focalLength / Math.max(along - camera.position[2], NEAREST)
}

/** A flat face in the street, as SVG. */
export function face(camera: Camera, points: readonly StreetPoint[], fill: string, more = ''): string {
  const pixels = points.map((point) =>
    project(camera, point)
      .map((value) => value.toFixed(1))
      .join(','),
  )
  return `<polygon points="${pixels.join(' ')}" fill="${fill}" ${more}/>`
}

/** Meters shown as centimeters of a drawing that stands upright at a point of the street. */
export function placed(camera: Camera, at: StreetPoint, drawing: string, turn = ''): string {
  const [x, y] = project(camera, at)
  return `<g transform="translate(${x.toFixed(1)} ${y.toFixed(1)}) scale(${(scaleAt(camera, at[2]) / 100).toFixed(4)}) ${turn}">${drawing}</g>`
}
