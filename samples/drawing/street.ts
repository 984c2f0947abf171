import { face, NEAREST, project, scaleAt } from './camera.ts'
import type { Camera, StreetPoint } from './camera.ts'
import { faded, mix } from './color.ts'
import type { Light } from './color.ts'
import { building, car, hydrant, tree } from './street-furniture.ts'
import { seededRandom } from './random.ts'

/** The cross-section of every street, meters from its middle. */
export const KERB = 5.2
const WALK = 8.6
const FAR = 420

/** An object in the street. */
export interface Standing {
  /** Meters along the street. */
  along: number
  draw(camera: Camera, light: Light): string
}

export interface Street {
  /** The whole street with one more object in it, fully visible. */
  draw(camera: Camera, light: Light, subject: Standing): string
}

export interface StreetPlan {
  seed: string
  crosswalkAt?: number
  /** Suburbs have houses and trees, towns have blocks. */
  kind: 'suburb' | 'town'
}

/** A street that looks the same to every camera, because all observations of an asset show one place. */
export function street({ seed, crosswalkAt, kind }: StreetPlan): Street {
  const random = seededRandom(seed)
  const buildings: Standing[] = []
  const standing: (Standing & { mayHide: boolean })[] = []
  for (const side of [-1, 1] as const) {
    for (let along = -14 + random.between(0, 6); along < 170;) {
      const plan = building(random, kind, side, along)
      buildings.push({ along, draw: plan.draw })
      along = plan.end + (kind === 'town' ? random.oneOf([0, 0, 0, 2.5]) : random.between(4, 11))
    }
    for (let along = 9 + random.between(0, 8); along < 150; along += random.between(kind === 'town' ? 13 : 8, 20)) {
      standing.push({ along, draw: tree(random, side * random.between(7, 8.2), along), mayHide: side === 1 })
    }
    for (let along = 21 + random.between(0, 14); along < 110; along += random.between(6.5, 26)) {
      standing.push({ along, draw: car(random, side * (KERB - 1.25), along), mayHide: side === 1 })
    }
  }
  standing.push({ along: 26, draw: hydrant(KERB + 0.7, 26), mayHide: true })
  const clouds = Array.from({ length: 6 }, () => ({
    x: random.between(-0.1, 1.1),
    y: random.between(0.04, 0.7),
    size: random.between(0.07, 0.2),
    puffs: Array.from(
      { length: 7 },
      () => [random.between(-1, 1), random.between(-0.2, 0.2), random.between(0.25, 0.55)] as const,
    ),
  }))
  const hills = Array.from({ length: 25 }, () => random.between(0.4, 1))

  return {
    draw(camera, light, subject) {
      const around = standing.filter(({ along, mayHide }) => !mayHide || along > subject.along + 1)
      // Nothing is behind the line of buildings, so they hide nothing and are drawn first.
      const drawn = [buildings, [...around, subject]].flatMap((things) =>
        things.toSorted((a, b) => b.along - a.along).map((thing) => thing.draw(camera, light)),
      )
      return sky(camera, light, clouds, hills) + ground(camera, light, crosswalkAt) + drawn.join('')
    },
  }
}

interface Cloud {
  x: number
  y: number
  size: number
  puffs: readonly (readonly [number, number, number])[]
}

function sky(camera: Camera, light: Light, clouds: readonly Cloud[], hills: readonly number[]): string {
  const { width, height, vanishing } = camera
  const horizon = vanishing[1]
  const top = Math.max(horizon, 1)
  const puffs = clouds.flatMap(({ x, y, size, puffs: parts }) =>
    parts.map(([right, up, radius]) => {
      const reach = size * width
      return `<ellipse cx="${(x * width + right * reach).toFixed(1)}" cy="${(y * top + up * reach).toFixed(1)}" rx="${(radius * reach).toFixed(1)}" ry="${(radius * reach * 0.34).toFixed(1)}"/>`
    }),
  )
  const ridge = hills.map(
    (rise, index) =>
      `${((index / (hills.length - 1)) * width).toFixed(1)},${(horizon - rise * camera.focalLength * 0.028).toFixed(1)}`,
  )
  return (
    `<linearGradient id="sky" gradientUnits="userSpaceOnUse" x1="0" y1="${(horizon - height).toFixed(1)}" x2="0" y2="${horizon.toFixed(1)}"><stop offset="0" stop-color="${light.skyTop}"/><stop offset="1" stop-color="${light.skyLow}"/></linearGradient>` +
    `<filter id="soft" x="-20%" y="-20%" width="140%" height="140%"><feGaussianBlur stdDeviation="${(width / 90).toFixed(1)}"/></filter>` +
    `<rect width="${width}" height="${height}" fill="url(#sky)"/>` +
    `<g fill="${light.cloud}" fill-opacity=".5" filter="url(#soft)">${puffs.join('')}</g>` +
    `<polygon points="0,${(horizon + 1).toFixed(1)} ${ridge.join(' ')} ${width},${(horizon + 1).toFixed(1)}" fill="${mix('#4d6b55', light.haze, 0.62)}"/>`
  )
}

function ground(camera: Camera, light: Light, crosswalkAt: number | undefined): string {
  const near = camera.position[2] + NEAREST
  const strip = (from: number, to: number, color: string, start = near, end = FAR) => {
    if (end <= near) return ''
    const begin = Math.max(start, near)
    const corners: StreetPoint[] = [
      [from, 0, begin],
      [from, 0, end],
      [to, 0, end],
      [to, 0, begin],
    ]
    return face(camera, corners, color)
  }
  const asphalt = mix('#5b5d60', light.haze, 0.08)
  const grass = mix('#6f8a4d', light.haze, 0.12)
  const parts = [
    strip(-300, 300, grass),
    strip(-WALK, WALK, mix('#b3aea4', light.haze, 0.1)),
    strip(-KERB - 0.25, KERB + 0.25, '#cfcac0'),
    strip(-KERB, KERB, asphalt),
    // The tires' tracks, and the gutter.
    ...[-3.3, -1.5, 1.5, 3.3].map((x) => strip(x - 0.28, x + 0.28, mix(asphalt, '#3f4145', 0.3))),
    ...[-1, 1].map((side) => strip(side * (KERB - 0.35), side * KERB, mix(asphalt, '#9b978e', 0.5))),
    strip(-0.22, -0.08, '#dfae2b'),
    strip(0.08, 0.22, '#dfae2b'),
  ]
  const first = Math.ceil(near / 3) * 3
  for (let joint = first; joint < first + 66; joint += 1.5) {
    for (const side of [-1, 1])
      parts.push(
        strip(side * (KERB + 0.3), side * WALK, '#97928a', joint, joint + Math.max(0.03, 0.8 / scaleAt(camera, joint))),
      )
  }
  if (crosswalkAt !== undefined) {
    for (let x = -KERB + 0.3; x < KERB - 0.4; x += 1.05)
      parts.push(strip(x, x + 0.55, '#e9e7e0', crosswalkAt - 1.4, crosswalkAt + 1.4))
  }
  return parts.join('') + fade(camera, light)
}

/** Haze over the far ground. */
function fade(camera: Camera, light: Light): string {
  const horizon = camera.vanishing[1]
  const [, near] = project(camera, [0, 0, camera.position[2] + 55])
  return (
    `<linearGradient id="far" gradientUnits="userSpaceOnUse" x1="0" y1="${horizon.toFixed(1)}" x2="0" y2="${near.toFixed(1)}"><stop offset="0" stop-color="${faded('#888888', light, 260)}" stop-opacity=".85"/><stop offset="1" stop-color="${light.haze}" stop-opacity="0"/></linearGradient>` +
    `<rect y="${horizon.toFixed(1)}" width="${camera.width}" height="${Math.max(near - horizon, 0).toFixed(1)}" fill="url(#far)"/>`
  )
}
