import { lettering } from './lettering.ts'

/** A sign seen from the front, drawn around (0, 0). Lengths are centimeters. */
export interface Sign {
  svg: string
  width: number
  height: number
}

const RED = '#b5202c'
const WHITE = '#f4f4f0'
const BLACK = '#17181a'
const GREEN = '#0b6b3f'
const YELLOW = '#f2b90c'

export function stopSign(): Sign {
  const outer = octagon(38)
  const inner = octagon(35.6)
  return {
    width: 76,
    height: 76,
    svg:
      polygon(outer, WHITE) +
      polygon(inner, RED) +
      lettering('STOP', { height: 26, color: WHITE, weight: 0.18, maxWidth: 60 }),
  }
}

export function yieldSign(): Sign {
  return {
    width: 92,
    height: 80,
    svg:
      roundedPolygon(
        [
          [-42, -36],
          [42, -36],
          [0, 38],
        ],
        WHITE,
        7,
      ) +
      roundedPolygon(
        [
          [-41, -35],
          [41, -35],
          [0, 36],
        ],
        RED,
        5,
      ) +
      roundedPolygon(
        [
          [-27, -26],
          [27, -26],
          [0, 20],
        ],
        WHITE,
        4,
      ) +
      lettering('YIELD', { y: -17.5, height: 10, color: RED, weight: 0.21, maxWidth: 37 }),
  }
}

export function speedLimitSign(limit: number): Sign {
  return {
    width: 61,
    height: 76,
    svg:
      plate(61, 76, BLACK, 4) +
      plate(58, 73, WHITE, 3.2) +
      frame(54, 69, BLACK, 1.4) +
      lettering('SPEED', { y: -23, height: 10, color: BLACK, weight: 0.19, maxWidth: 44 }) +
      lettering('LIMIT', { y: -9, height: 10, color: BLACK, weight: 0.19, maxWidth: 44 }) +
      lettering(String(limit), { y: 16, height: 25, color: BLACK, weight: 0.19, maxWidth: 44 }),
  }
}

/** Two blades, one above the other, the upper one turned away. */
export function streetNameSign(along: string, across: string): Sign {
  const blade = (text: string) =>
    plate(118, 24, WHITE, 3) +
    plate(116, 22, GREEN, 2.4) +
    lettering(text, { height: 12, color: WHITE, weight: 0.18, maxWidth: 104 })
  return {
    width: 118,
    height: 56,
    svg:
      `<rect x="-2.4" y="-4" width="4.8" height="34" fill="#7d8488"/>` +
      `<g transform="translate(0 -14) skewY(-9) scale(.72 1)">${blade(across)}</g>` +
      `<g transform="translate(0 14)">${blade(along)}</g>`,
  }
}

export function oneWaySign(): Sign {
  const arrow = 'M-41 -9H22V-15L42 0L22 15V9H-41Z'
  return {
    width: 91,
    height: 31,
    svg:
      plate(91, 31, WHITE, 2.4) +
      plate(88.6, 28.6, BLACK, 2) +
      `<path d="${arrow}" fill="${WHITE}" transform="scale(1 .86)"/>` +
      lettering('ONE WAY', { x: -5, height: 8.6, color: BLACK, weight: 0.2, maxWidth: 60 }),
  }
}

export function noParkingSign(): Sign {
  return {
    width: 31,
    height: 46,
    svg:
      plate(31, 46, RED, 2.4) +
      plate(29.6, 44.6, WHITE, 2) +
      lettering('P', { y: -9.5, height: 14, color: BLACK, weight: 0.2 }) +
      `<circle cx="0" cy="-9.5" r="10.4" fill="none" stroke="${RED}" stroke-width="2.6"/>` +
      `<path d="M-7.4 -16.9L7.4 -2.1" stroke="${RED}" stroke-width="2.6"/>` +
      lettering('ANY', { y: 7, height: 5, color: RED, weight: 0.2 }) +
      lettering('TIME', { y: 14, height: 5, color: RED, weight: 0.2, maxWidth: 24 }) +
      `<path d="M-10 19.6H10M-7 17.6L-10.4 19.6L-7 21.6M7 17.6L10.4 19.6L7 21.6" fill="none" stroke="${RED}" stroke-width="1.1"/>`,
  }
}

export function pedestrianSign(): Sign {
  const walker =
    '<circle cx="3" cy="-23" r="5.2"/>' +
    '<path d="M-1 -16L7 -15L9 -2L15 5L12.4 8L4.6 1L3.4 9L10 26L5.6 27.6L-2.4 11L-8 27L-12.6 25.4L-5.4 4L-4.6 -8L-10.4 -1L-13.6 -3.6L-6 -13Z"/>'
  return {
    width: 96,
    height: 96,
    svg:
      diamond(47, BLACK, 5) +
      diamond(45.6, YELLOW, 4.4) +
      `<path d="M0 -42L42 0L0 42L-42 0Z" fill="none" stroke="${BLACK}" stroke-width="1.6" stroke-linejoin="round"/>` +
      `<g fill="${BLACK}" stroke="${BLACK}" stroke-width="1.4" stroke-linejoin="round">${walker}</g>`,
  }
}

export function doNotEnterSign(): Sign {
  return {
    width: 76,
    height: 76,
    svg:
      plate(76, 76, '#d9d9d4', 3) +
      plate(75, 75, WHITE, 3) +
      `<circle r="35.5" fill="${RED}"/>` +
      `<rect x="-27" y="-6" width="54" height="12" fill="${WHITE}"/>` +
      lettering('DO NOT', { y: -16, height: 8.6, color: WHITE, weight: 0.18, maxWidth: 44 }) +
      lettering('ENTER', { y: 16, height: 8.6, color: WHITE, weight: 0.18, maxWidth: 40 }),
  }
}

type Point = readonly [x: number, y: number]

function octagon(apothem: number): Point[] {
  const radius = apothem / Math.cos(Math.PI / 8)
  return Array.from({ length: 8 }, (_, corner) => {
    const angle = Math.PI / 8 + (corner * Math.PI) / 4
    return [radius * Math.cos(angle), radius * Math.sin(angle)] as const
  })
}

function polygon(points: readonly Point[], fill: string): string {
  return `<polygon points="${points.map(([x, y]) => `${x.toFixed(2)},${y.toFixed(2)}`).join(' ')}" fill="${fill}"/>`
}

/** A stroke of the same color rounds the corners. */
function roundedPolygon(points: readonly Point[], fill: string, rounding: number): string {
  return `<g stroke="${fill}" stroke-width="${rounding}" stroke-linejoin="round">${polygon(points, fill)}</g>`
}

function diamond(reach: number, fill: string, rounding: number): string {
  const r = reach - rounding / 2
  return roundedPolygon(
    [
      [0, -r],
      [r, 0],
      [0, r],
      [-r, 0],
    ],
    fill,
    rounding,
  )
}

function plate(width: number, height: number, fill: string, radius: number): string {
  return `<rect x="${-width / 2}" y="${-height / 2}" width="${width}" height="${height}" rx="${radius}" fill="${fill}"/>`
}

function frame(width: number, height: number, color: string, stroke: number): string {
  return `<rect x="${-width / 2}" y="${-height / 2}" width="${width}" height="${height}" rx="2" fill="none" stroke="${color}" stroke-width="${stroke}"/>`
}
