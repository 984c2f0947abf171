/** Mixes two colors of the form #rrggbb; 0 gives the first, 1 the second. */
export function mix(from: string, to: string, share: number): string {
  const part = (color: string, at: number) => Number.parseInt(color.slice(at, at + 2), 16)
  const mixed = [1, 3, 5].map((at) =>
    Math.round(part(from, at) + (part(to, at) - part(from, at)) * Math.min(Math.max(share, 0), 1)),
  )
  return `#${mixed.map((value) => value.toString(16).padStart(2, '0')).join('')}`
}

/** The effect of the light at a time of day. */
export interface Light {
  skyTop: string
  skyLow: string
  cloud: string
  /** The color that distant things fade to. */
  haze: string
  /** The color of the walls' shade. */
  shade: string
  /** Which side of the street the sun shines on. */
  sunny: 'left' | 'right'
  /** Share of windows with a lamp behind them. */
  lamps: number
}

export const LIGHTS = {
  noon: {
    skyTop: '#3f86c9',
    skyLow: '#c7e0f0',
    cloud: '#ffffff',
    haze: '#c3d5e0',
    shade: '#25324a',
    sunny: 'left',
    lamps: 0,
  },
  morning: {
    skyTop: '#6a9bd0',
    skyLow: '#f6e2c4',
    cloud: '#fff3e2',
    haze: '#e4d9c8',
    shade: '#3a3550',
    sunny: 'right',
    lamps: 0.05,
  },
  overcast: {
    skyTop: '#9aa6b0',
    skyLow: '#d3d9dc',
    cloud: '#e9ecee',
    haze: '#c3c9cc',
    shade: '#3d454d',
    sunny: 'left',
    lamps: 0.1,
  },
  evening: {
    skyTop: '#42517f',
    skyLow: '#f0a871',
    cloud: '#e88f79',
    haze: '#c99a85',
    shade: '#2c2540',
    sunny: 'right',
    lamps: 0.35,
  },
} as const satisfies Record<string, Light>

/** A color as seen from a distance in meters. */
export function faded(color: string, light: Light, distance: number): string {
  return mix(color, light.haze, 1 - Math.exp(-Math.max(distance, 0) / 190))
}
