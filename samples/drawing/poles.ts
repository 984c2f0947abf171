import { NEAREST, placed, project, scaleAt } from './camera.ts'
import type { Camera, PixelPoint, StreetPoint } from './camera.ts'
import { faded } from './color.ts'
import type { Light } from './color.ts'

/** What a utility pole carries. Lengths are meters. */
export interface Pole {
  height: number
  /** Heights of the crossarms. */
  crossarms: readonly number[]
  transformerAt?: number
  streetLampAt?: number
  /** Degrees from upright, to the right. */
  lean?: number
  /** A steel rope to the ground on the right. */
  guy?: boolean
}

/** Poles stand this far apart along the street. */
const SPAN = 38
const SAG = 0.9
const INSULATORS = [-1.05, -0.55, 0.55, 1.05] as const

/** A pole with its wires to the poles before and behind it, and the next ones down the street. */
export function poleLine(camera: Camera, light: Light, pole: Pole, at: StreetPoint): string {
  const [right, , along] = at
  const plain: Pole = { height: pole.height, crossarms: pole.crossarms }
  const far = [4, 3, 2, 1].map((step) => drawnPole(camera, light, plain, [right, 0, along + step * SPAN]))
  return far.join('') + wires(camera, light, pole, at) + drawnPole(camera, light, pole, at)
}

function drawnPole(camera: Camera, light: Light, pole: Pole, at: StreetPoint): string {
  const distance = at[2] - camera.position[2]
  if (distance < NEAREST) return ''
  const tone = (color: string) => faded(color, light, distance)
  const id = `wood${Math.round(at[2])}`
  const top = -pole.height * 100
  const wood =
    `<linearGradient id="${id}"><stop offset="0" stop-color="${tone('#4a382b')}"/><stop offset=".35" stop-color="${tone('#8f745b')}"/><stop offset="1" stop-color="${tone('#3a2c22')}"/></linearGradient>` +
    `<path d="M-17 0L-11 ${top}H11L17 0Z" fill="url(#${id})"/>` +
    [0.23, 0.41, 0.64, 0.8]
      .map(
        (share, index) =>
          `<path d="M${index % 2 ? -6 : 3} ${(top * share).toFixed(0)}v${(top * 0.09).toFixed(0)}" stroke="${tone('#2f241c')}" stroke-width="1.6"/>`,
      )
      .join('')
  const arms = pole.crossarms.map((up) => crossarm(-up * 100, tone)).join('')
  const extras = [
    pole.transformerAt === undefined ? '' : transformer(-pole.transformerAt * 100, tone),
    pole.streetLampAt === undefined ? '' : streetLamp(-pole.streetLampAt * 100, tone),
  ]
  const tag = `<rect x="-7" y="-215" width="13" height="20" rx="1.5" fill="${tone('#d9d6c8')}"/><path d="M-4.5 -209h8M-4.5 -204h8M-4.5 -199h5" stroke="${tone('#33363a')}" stroke-width="1.7"/>`
  const guy = pole.guy
    ? `<path d="M8 ${top * 0.82}L330 0" stroke="${tone('#8b9196')}" stroke-width="4"/><path d="M330 0L268 ${top * 0.155}" stroke="${tone('#e3c22f')}" stroke-width="10"/>`
    : ''
  const shadow = '<ellipse cx="0" cy="0" rx="40" ry="6" fill="#1b1d1a" fill-opacity=".35"/>'
  return placed(
    camera,
    [at[0], 0, at[2]],
    shadow + guy + `<g transform="rotate(${pole.lean ?? 0})">${wood}${extras.join('')}${arms}${tag}</g>`,
  )
}

type Tone = (color: string) => string

function crossarm(y: number, tone: Tone): string {
  const insulators = INSULATORS.map((offset) => {
    const x = offset * 100
    return (
      `<rect x="${x - 1.5}" y="${y - 24}" width="3" height="16" fill="${tone('#5c6166')}"/>` +
      `<path d="M${x - 8} ${y - 20}h16l-2 -7h-12zM${x - 7} ${y - 28}h14l-3 -8h-8z" fill="${tone('#6d4636')}"/>`
    )
  })
  return (
    `<path d="M-58 ${y + 8}L0 ${y + 62}L58 ${y + 8}" fill="none" stroke="${tone('#7a8086')}" stroke-width="4"/>` +
    `<rect x="-122" y="${y - 8}" width="244" height="17" rx="2" fill="${tone('#6e5743')}"/>` +
    `<rect x="-122" y="${y - 8}" width="244" height="4" fill="${tone('#9c8166')}"/>` +
    insulators.join('')
  )
}

function transformer(y: number, tone: Tone): string {
  return (
    `<linearGradient id="can"><stop offset="0" stop-color="${tone('#7d858b')}"/><stop offset=".4" stop-color="${tone('#c5cbcf')}"/><stop offset="1" stop-color="${tone('#646b71')}"/></linearGradient>` +
    `<path d="M-14 ${y + 20}h-14M-14 ${y + 78}h-14" stroke="${tone('#54595e')}" stroke-width="9"/>` +
    `<path d="M-84 ${y}Q-56 ${y - 14} -28 ${y}V${y + 100}Q-56 ${y + 112} -84 ${y + 100}Z" fill="url(#can)"/>` +
    `<path d="M-84 ${y + 14}Q-56 ${y + 24} -28 ${y + 14}" fill="none" stroke="${tone('#5a6066')}" stroke-width="3"/>` +
    `<rect x="-72" y="${y + 44}" width="30" height="16" fill="${tone('#e2d9a0')}"/>` +
    [-70, -43]
      .map(
        (x) =>
          `<path d="M${x - 4} ${y - 6}h8v-9h-8zM${x - 3} ${y - 16}h6v-9h-6z" fill="${tone('#6d4636')}"/><path d="M${x} ${y - 24}Q${x + 4} ${y - 60} -6 ${y - 74}" fill="none" stroke="${tone('#2c2f33')}" stroke-width="2.4"/>`,
      )
      .join('')
  )
}

/** A lamp on a curved arm over the roadway, which is to the left of the pole. */
function streetLamp(y: number, tone: Tone): string {
  return (
    `<path d="M-8 ${y + 60}Q-60 ${y - 6} -190 ${y - 22}" fill="none" stroke="${tone('#a9afb4')}" stroke-width="8"/>` +
    `<path d="M-186 ${y - 30}Q-215 ${y - 36} -252 ${y - 22}Q-262 ${y - 14} -250 ${y - 12}H-190Z" fill="${tone('#8d9499')}"/>` +
    `<path d="M-248 ${y - 12}Q-226 ${y + 2} -200 ${y - 12}Z" fill="${tone('#fff3c4')}"/>`
  )
}

/** Each wire hangs between two poles; a parabola is near enough to a catenary. */
function wires(camera: Camera, light: Light, pole: Pole, [right, , along]: StreetPoint): string {
  const lines: string[] = []
  for (const span of [-1, 0, 1, 2]) {
    for (const up of pole.crossarms) {
      for (const offset of INSULATORS) {
        const points: PixelPoint[] = []
        for (let step = 0; step <= 24; step++) {
          const share = step / 24
          const at = along + (span + share) * SPAN
          if (at - camera.position[2] < NEAREST) continue
          points.push(project(camera, [right + offset, up + 0.34 - SAG * 4 * share * (1 - share), at]))
        }
        const middle = along + (span + 0.5) * SPAN
        const stroke = Math.max(0.6, scaleAt(camera, Math.max(middle, camera.position[2] + 12)) * 0.022)
        const path = points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join('L')
        if (path)
          lines.push(
            `<path d="M${path}" fill="none" stroke="${faded('#1f2226', light, middle - camera.position[2])}" stroke-width="${stroke.toFixed(2)}"/>`,
          )
      }
    }
  }
  return lines.join('')
}
