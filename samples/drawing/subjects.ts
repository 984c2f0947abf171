import { placed, project } from './camera.ts'
import type { Camera, StreetPoint } from './camera.ts'
import { faded } from './color.ts'
import type { Light } from './color.ts'
import { poleLine } from './poles.ts'
import type { Pole } from './poles.ts'
import type { Sign } from './signs.ts'

/** An asset: its position, the camera's target, and its drawing. */
export interface Subject {
  foot: StreetPoint
  /** The center of the asset. */
  middle: StreetPoint
  draw(camera: Camera, light: Light): string
  /** The corners of a box around it, in pixels. */
  box(camera: Camera): { lo: { x: number; y: number }; hi: { x: number; y: number } }
}

export interface PostedSign {
  sign: Sign
  /** Height of the sign's middle, meters. */
  up: number
  /** Degrees that the sign is turned away from the street's direction. */
  turn: number
  /** A smaller sign below. */
  below?: Sign
}

/** A sign on a post of perforated steel. */
export function postedSign({ sign, up, turn, below }: PostedSign, foot: StreetPoint): Subject {
  const narrow = Math.cos((turn * Math.PI) / 180)
  const face = `scale(${narrow.toFixed(3)} 1) skewY(${(turn * 0.12).toFixed(2)})`
  const top = up * 100 + sign.height / 2 - 4
  const holes = Array.from(
    { length: Math.floor(top / 14) },
    (_, index) => `<circle cx="0" cy="${-index * 14 - 8}" r="1.1"/>`,
  )
  const second = below
    ? `<g transform="translate(0 ${(-up * 100 + sign.height / 2 + below.height / 2 + 3).toFixed(1)}) ${face}">${below.svg}${bolts(below)}</g>`
    : ''
  return {
    foot,
    middle: [foot[0], up, foot[2]],
    draw(camera, light) {
      const distance = foot[2] - camera.position[2]
      const steel = faded('#8b9297', light, distance)
      const drawing =
        '<ellipse cx="0" cy="0" rx="16" ry="3" fill="#16181a" fill-opacity=".4"/>' +
        `<rect x="-3" y="${-top}" width="6" height="${top}" fill="${steel}"/><rect x="1.4" y="${-top}" width="1.6" height="${top}" fill="${faded('#5c6267', light, distance)}"/>` +
        `<g fill="${faded('#4a4f54', light, distance)}">${holes.join('')}</g>` +
        `<g transform="translate(0 ${-up * 100}) ${face}">${sign.svg}${bolts(sign)}</g>${second}`
      return placed(camera, [foot[0], 0, foot[2]], drawing)
    },
    box(camera) {
      const half = (sign.width / 200) * narrow
      const low = up - sign.height / 200 - (below ? below.height / 100 + 0.03 : 0)
      return pixelBox(camera, [foot[0] - half, low, foot[2]], [foot[0] + half, up + sign.height / 200, foot[2]])
    },
  }
}

/** A utility pole with its wires. */
export function utilityPole(pole: Pole, foot: StreetPoint): Subject {
  return {
    foot,
    middle: [foot[0], pole.height * 0.58, foot[2]],
    draw: (camera, light) => poleLine(camera, light, pole, foot),
    box: (camera) => pixelBox(camera, [foot[0] - 1.3, 0, foot[2]], [foot[0] + 1.3, pole.height, foot[2]]),
  }
}

function bolts({ height }: Sign): string {
  return [-1, 1]
    .map(
      (end) =>
        `<circle cx="0" cy="${(end * (height / 2 - 5)).toFixed(1)}" r="1.3" fill="#a7acb0" stroke="#5d6266" stroke-width=".5"/>`,
    )
    .join('')
}

function pixelBox(camera: Camera, from: StreetPoint, to: StreetPoint) {
  const [left, bottom] = project(camera, from)
  const [right, top] = project(camera, to)
  const within = (value: number, size: number) => Math.min(Math.max(value, 0), size)
  return {
    lo: { x: within(left, camera.width), y: within(top, camera.height) },
    hi: { x: within(right, camera.width), y: within(bottom, camera.height) },
  }
}
