import { face, NEAREST, placed, scaleAt } from './camera.ts'
import type { Camera, StreetPoint } from './camera.ts'
import { faded, mix } from './color.ts'
import type { Light } from './color.ts'
import type { Random } from './random.ts'

export type Draw = (camera: Camera, light: Light) => string

const WALLS = [
  '#a4553f',
  '#b9785a',
  '#c9b79a',
  '#8d8f93',
  '#d8cdb8',
  '#7c6a5b',
  '#9fa8a3',
  '#b59a6f',
  '#6f7f8c',
] as const
const GLASS = '#5d7488'
const STOREY = 3.3

/** A building next to the street: the wall along it, the wall facing us, windows, a shop front or a pitched roof. */
export function building(
  random: Random,
  kind: 'suburb' | 'town',
  side: -1 | 1,
  start: number,
): { end: number; draw: Draw } {
  const isTown = kind === 'town'
  const end = start + (isTown ? random.between(9, 16) : random.between(9, 13))
  const setback = isTown ? 8.7 : random.between(12.5, 15)
  const floors = isTown ? random.oneOf([2, 3, 3, 4, 5]) : random.oneOf([1, 2, 2])
  const height = floors * STOREY + (isTown ? 1 : 0.4)
  const wall = random.oneOf(WALLS)
  const roof = random.oneOf(['#5a4741', '#4b4f55', '#6d5348'])
  const awning = random.oneOf(['#9d2f2f', '#2f5d8a', '#2f6b4a', '#c28a2c'])
  const lamps = Array.from({ length: 64 }, () => random.next())
  const inner = side * setback
  const outer = side * (setback + 14)

  const draw: Draw = (camera, light) => {
    const from = camera.position[2] + NEAREST
    const begin = Math.max(start, from)
    if (end <= from) return ''
    const distance = begin - camera.position[2]
    const isSunny = (light.sunny === 'left') === (side === -1)
    const tone = (color: string, shade: number) => faded(mix(color, light.shade, shade), light, distance)
    const parts: string[] = []
    if (start > from) {
      parts.push(
        face(
          camera,
          [
            [inner, 0, start],
            [outer, 0, start],
            [outer, height, start],
            [inner, height, start],
          ],
          tone(wall, 0.42),
        ),
      )
      if (!isTown)
        parts.push(
          face(
            camera,
            [
              [inner, height, start],
              [outer, height, start],
              [(inner + outer) / 2, height + 3.4, start],
            ],
            tone(wall, 0.36),
          ),
        )
      parts.push(...gableWindows(camera, inner, outer, start, floors, tone(GLASS, 0.35), tone('#e6e2d8', 0.3)))
    }
    const shade = isSunny ? 0.04 : 0.26
    parts.push(
      face(
        camera,
        [
          [inner, 0, begin],
          [inner, 0, end],
          [inner, height, end],
          [inner, height, begin],
        ],
        tone(wall, shade),
      ),
    )
    if (isTown) {
      parts.push(band(camera, inner, begin, end, height - 0.55, height, tone(mix(wall, '#ffffff', 0.3), shade)))
      parts.push(band(camera, inner, begin, end, 3.1, 3.4, tone(mix(wall, '#ffffff', 0.22), shade)))
    } else {
      const eaves: StreetPoint[] = [
        [inner, height, begin],
        [inner, height, end],
        [(inner + outer) / 2, height + 3.4, end],
        [(inner + outer) / 2, height + 3.4, begin],
      ]
      parts.push(face(camera, eaves, tone(roof, shade)))
    }
    const trim = tone('#ece8de', shade)
    const bays = Math.floor((end - start) / 2.6)
    for (let floor = 0; floor < floors; floor++) {
      for (let bay = 0; bay < bays; bay++) {
        const at = start + 0.9 + bay * ((end - start - 0.6) / bays)
        if (at < from || scaleAt(camera, at) < 4) continue
        const isShop = isTown && floor === 0
        const low = floor * STOREY + (isShop ? 0.5 : 1.1)
        const high = floor * STOREY + (isShop ? 2.6 : 2.7)
        const isLit = lamps[(floor * bays + bay) % lamps.length]! < light.lamps
        const glass = isLit ? '#ffd98a' : tone(mix(GLASS, light.skyLow, lamps[bay]! * 0.45), shade)
        parts.push(band(camera, inner, at - 0.12, at + 1.42, low - 0.14, high + 0.14, trim))
        parts.push(band(camera, inner, at, at + 1.3, low, high, glass))
        parts.push(band(camera, inner, at + 0.62, at + 0.69, low, high, trim))
        if (isShop) parts.push(shade3d(camera, side, inner, at - 0.2, at + 1.6, tone(awning, shade)))
      }
    }
    return parts.join('')
  }
  return { end, draw }
}

function band(
  camera: Camera,
  right: number,
  from: number,
  to: number,
  low: number,
  high: number,
  fill: string,
): string {
  const begin = Math.max(from, camera.position[2] + NEAREST)
  if (to <= begin) return ''
  return face(
    camera,
    [
      [right, low, begin],
      [right, low, to],
      [right, high, to],
      [right, high, begin],
    ],
    fill,
  )
}

/** An awning: it leans out over the sidewalk. */
function shade3d(camera: Camera, side: -1 | 1, inner: number, from: number, to: number, fill: string): string {
  if (from <= camera.position[2] + NEAREST) return ''
  const out = inner - side * 0.9
  return face(
    camera,
    [
      [inner, 3.05, from],
      [inner, 3.05, to],
      [out, 2.55, to],
      [out, 2.55, from],
    ],
    fill,
  )
}

function gableWindows(
  camera: Camera,
  inner: number,
  outer: number,
  along: number,
  floors: number,
  glass: string,
  trim: string,
): string[] {
  if (scaleAt(camera, along) < 7) return []
  const parts: string[] = []
  for (let floor = 0; floor < floors; floor++) {
    for (const share of [0.18, 0.44, 0.7]) {
      const left = inner + (outer - inner) * share
      const right = left + Math.sign(outer - inner) * 1.2
      const low = floor * STOREY + 1.1
      const edge = Math.sign(outer - inner) * 0.12
      parts.push(
        face(
          camera,
          [
            [left - edge, low - 0.12, along],
            [right + edge, low - 0.12, along],
            [right + edge, low + 1.62, along],
            [left - edge, low + 1.62, along],
          ],
          trim,
        ),
      )
      parts.push(
        face(
          camera,
          [
            [left, low, along],
            [right, low, along],
            [right, low + 1.5, along],
            [left, low + 1.5, along],
          ],
          glass,
        ),
      )
    }
  }
  return parts
}

/** A tree of many leaves in three tones, lit from above. */
export function tree(random: Random, right: number, along: number): Draw {
  const height = random.between(430, 760)
  const spread = height * random.between(0.24, 0.34)
  const green = random.oneOf(['#4f7a35', '#5d8a3c', '#3f6b3a', '#7b8f3a', '#6a7f34'])
  const leaves = Array.from({ length: 90 }, (_, index) => {
    const angle = random.between(0, 2 * Math.PI)
    const reach = Math.sqrt(random.next())
    const x = Math.cos(angle) * reach * spread
    const y = -height * 0.66 + Math.sin(angle) * reach * spread * 0.95
    const light = (-Math.sin(angle) * reach + 1) / 2
    return { x, y, radius: spread * random.between(0.11, 0.24), light: index < 30 ? light * 0.35 : light }
  })
  return (camera, light) => {
    const distance = along - camera.position[2]
    if (distance < NEAREST + 3) return ''
    const bark = faded(mix('#5b4636', light.shade, 0.15), light, distance)
    const blobs = leaves.map(({ x, y, radius, light: lit }) => {
      const color = faded(mix(mix(green, '#16240f', 0.55), mix(green, '#f3f0a8', 0.25), lit), light, distance)
      return `<circle cx="${x.toFixed(0)}" cy="${y.toFixed(0)}" r="${radius.toFixed(0)}" fill="${color}"/>`
    })
    const trunk = `<path d="M-13 0L-8 ${(-height * 0.6).toFixed(0)}H8L14 0Z" fill="${bark}"/>`
    const shadow = `<ellipse cx="0" cy="2" rx="${(spread * 0.9).toFixed(0)}" ry="${(spread * 0.1).toFixed(0)}" fill="#20261c" fill-opacity=".28"/>`
    return placed(camera, [right, 0, along], shadow + trunk + blobs.join(''))
  }
}

/** A parked car, from behind. */
export function car(random: Random, right: number, along: number): Draw {
  const paint = random.oneOf(['#b9bec4', '#31363d', '#8f2b2b', '#2d4a73', '#e4e4e0', '#5b6b5a', '#79858f'])
  return (camera, light) => {
    const distance = along - camera.position[2]
    if (distance < 6) return ''
    const tone = (color: string, shade = 0.08) => faded(mix(color, light.shade, shade), light, distance)
    return placed(
      camera,
      [right, 0, along],
      `<ellipse cx="0" cy="0" rx="104" ry="9" fill="#15171a" fill-opacity=".5"/>` +
        `<rect x="-80" y="-34" width="24" height="34" rx="5" fill="#1b1c1e"/><rect x="56" y="-34" width="24" height="34" rx="5" fill="#1b1c1e"/>` +
        `<path d="M-86 -92Q-70 -98 -62 -140Q-58 -150 0 -151Q58 -150 62 -140Q70 -98 86 -92Q92 -60 86 -22H-86Q-92 -60 -86 -92Z" fill="${tone(paint)}"/>` +
        `<path d="M-66 -98L-54 -138Q0 -146 54 -138L66 -98Z" fill="${tone('#39464f')}"/>` +
        `<path d="M-86 -92Q0 -84 86 -92L87 -84Q0 -76 -87 -84Z" fill="${tone(mix(paint, '#ffffff', 0.35))}"/>` +
        `<rect x="-84" y="-80" width="26" height="13" rx="4" fill="${tone('#a31f25')}"/><rect x="58" y="-80" width="26" height="13" rx="4" fill="${tone('#a31f25')}"/>` +
        `<rect x="-17" y="-66" width="34" height="15" rx="2" fill="${tone('#e9e6d8')}"/>` +
        `<path d="M-87 -44H87V-26H-87Z" fill="${tone(mix(paint, '#000000', 0.35))}"/>`,
    )
  }
}

/** A fire hydrant: a small red object that shows the scale. */
export function hydrant(right: number, along: number): Draw {
  return (camera, light) => {
    const distance = along - camera.position[2]
    if (distance < 4) return ''
    const red = faded('#b3362c', light, distance)
    return placed(
      camera,
      [right, 0, along],
      `<path d="M-16 0V-8H-11V-46Q-11 -60 0 -62Q11 -60 11 -46V-8H16V0Z" fill="${red}"/><rect x="-19" y="-42" width="38" height="12" rx="4" fill="${red}"/><rect x="-13" y="-50" width="26" height="4" fill="${mix(red, '#ffffff', 0.3)}"/>`,
    )
  }
}
