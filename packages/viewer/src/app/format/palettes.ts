/**
 * Eight colors that people with any common color blindness can tell apart.
 *
 * Source: M. Okabe and K. Ito, "Color Universal Design" (2008), https://jfly.uni-koeln.de/color/, without black, in an order in
 * which neighbors differ most.
 */
export const CATEGORIES = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#f0e442'] as const

/** Of values beyond the categories. */
export const OTHER = '#98a0ad'

/** Of rows without a value. */
export const NOTHING = '#5b626d'

/**
 * From low to high, with steadily rising lightness, so that it reads without color too.
 *
 * Source: the color map "viridis" by S. van der Walt and N. Smith, https://bids.github.io/colormap/ (CC0), at nine even places.
 */
const SEQUENCE: readonly (readonly [number, number, number])[] = [
  [68, 1, 84],
  [71, 44, 122],
  [59, 81, 139],
  [44, 113, 142],
  [33, 144, 141],
  [39, 173, 129],
  [92, 200, 99],
  [170, 220, 50],
  [253, 231, 37],
]

/** The color of a share from 0 to 1. */
export function sequential(share: number): string {
  const place = Math.max(0, Math.min(1, share)) * (SEQUENCE.length - 1)
  const below = SEQUENCE[Math.floor(place)] ?? [0, 0, 0]
  const above = SEQUENCE[Math.ceil(place)] ?? below
  const rest = place - Math.floor(place)
  const [red, green, blue] = below.map((value, index) => Math.round(value + ((above[index] ?? value) - value) * rest))
  return `rgb(${red}, ${green}, ${blue})`
}

/** For CSS: the whole sequence from left to right. */
export const SEQUENCE_GRADIENT = `linear-gradient(to right, ${SEQUENCE.map((color) => `rgb(${color.join(', ')})`).join(', ')})`
