/**
 * Letters as strokes, like those on road signs, so that no picture depends on the fonts of the
 * machine that draws it. A glyph is 6 units high; its width varies, and its strokes are lines.
 */
const GLYPHS: Record<string, readonly [width: number, strokes: string]> = {
  A: [4, 'M0 6L2 0L4 6M.8 4H3.2'],
  B: [3.8, 'M0 0H2.1a1.45 1.45 0 0 1 0 2.9H0M2.1 2.9h.2a1.55 1.55 0 0 1 0 3.1H0V0'],
  C: [4, 'M4 1.6A2 1.8 0 0 0 2 0A2 2 0 0 0 0 2V4A2 2 0 0 0 2 6A2 1.8 0 0 0 4 4.4'],
  D: [4, 'M0 0H1.8A2.2 2.2 0 0 1 4 2.2V3.8A2.2 2.2 0 0 1 1.8 6H0Z'],
  E: [3.5, 'M3.5 0H0V6H3.5M0 3H3'],
  F: [3.4, 'M3.4 0H0V6M0 3H2.9'],
  G: [4, 'M4 1.6A2 1.8 0 0 0 2 0A2 2 0 0 0 0 2V4A2 2 0 0 0 2 6A2 2 0 0 0 4 4.2V3.2H2.4'],
  H: [4, 'M0 0V6M4 0V6M0 3H4'],
  I: [0, 'M0 0V6'],
  J: [3, 'M3 0V4.5A1.5 1.5 0 0 1 0 4.5'],
  K: [3.9, 'M0 0V6M3.7 0L0 3.7M1.3 2.5L3.9 6'],
  L: [3.4, 'M0 0V6H3.4'],
  M: [4.6, 'M0 6V0L2.3 4.2L4.6 0V6'],
  N: [4, 'M0 6V0L4 6V0'],
  O: [4, 'M2 0A2 2 0 0 1 4 2V4A2 2 0 0 1 0 4V2A2 2 0 0 1 2 0Z'],
  P: [3.9, 'M0 6V0H2.3A1.6 1.65 0 0 1 2.3 3.3H0'],
  Q: [4, 'M2 0A2 2 0 0 1 4 2V4A2 2 0 0 1 0 4V2A2 2 0 0 1 2 0ZM2.4 4.2L4.1 6.3'],
  R: [3.9, 'M0 6V0H2.3A1.6 1.6 0 0 1 2.3 3.2H0M2.1 3.2L3.9 6'],
  S: [
    4,
    'M3.9 1.4C3.7.4 2.9 0 2 0C.9 0 .1.6.1 1.5C.1 2.5 1 2.8 2 3C3.2 3.3 4 3.6 4 4.5C4 5.5 3.1 6 2 6C.9 6 .1 5.5 0 4.5',
  ],
  T: [4, 'M0 0H4M2 0V6'],
  U: [4, 'M0 0V4A2 2 0 0 0 4 4V0'],
  V: [4, 'M0 0L2 6L4 0'],
  W: [5.4, 'M0 0L1.35 6L2.7 1L4.05 6L5.4 0'],
  X: [4, 'M0 0L4 6M4 0L0 6'],
  Y: [4, 'M0 0L2 3L4 0M2 3V6'],
  Z: [3.8, 'M0 0H3.8L0 6H3.8'],
  '0': [3.8, 'M1.9 0A1.9 2 0 0 1 3.8 2V4A1.9 2 0 0 1 0 4V2A1.9 2 0 0 1 1.9 0Z'],
  '1': [1.4, 'M0 1.2L1.4 0V6'],
  '2': [3.8, 'M0 1.7C.1.6.9 0 1.9 0C3 0 3.8.7 3.8 1.7C3.8 2.6 3.2 3.2 2.4 3.9L0 6H3.8'],
  '3': [
    3.8,
    'M.1 1.3C.4.4 1.1 0 1.9 0C3 0 3.6.6 3.6 1.5C3.6 2.4 2.9 2.8 1.7 2.8C3 2.8 3.8 3.4 3.8 4.4C3.8 5.4 3 6 1.9 6C.9 6 .2 5.5 0 4.6',
  ],
  '4': [4, 'M3 6V0L0 4.3H4'],
  '5': [3.8, 'M3.5 0H.5L.3 2.7C.8 2.4 1.3 2.2 1.9 2.2C3 2.2 3.8 2.9 3.8 4C3.8 5.2 3 6 1.9 6C.9 6 .2 5.5 0 4.6'],
  '6': [
    3.8,
    'M3.5 1C3.1.3 2.6 0 1.9 0C.6 0 0 1.4 0 3.4C0 5.1.7 6 1.9 6C3 6 3.8 5.2 3.8 4.1C3.8 3 3 2.3 1.9 2.3C1 2.3.3 2.8 0 3.6',
  ],
  '7': [3.8, 'M0 0H3.8L1.4 6'],
  '8': [
    3.8,
    'M1.9 0C.9 0 .3.6.3 1.4C.3 2.3 1 2.8 1.9 2.8C2.8 2.8 3.5 2.3 3.5 1.4C3.5.6 2.9 0 1.9 0ZM1.9 2.8C.8 2.8 0 3.4 0 4.4C0 5.4.8 6 1.9 6C3 6 3.8 5.4 3.8 4.4C3.8 3.4 3 2.8 1.9 2.8Z',
  ],
  '9': [
    3.8,
    'M.3 5C.7 5.7 1.2 6 1.9 6C3.2 6 3.8 4.6 3.8 2.6C3.8.9 3.1 0 1.9 0C.8 0 0 .8 0 1.9C0 3 .8 3.7 1.9 3.7C2.8 3.7 3.5 3.2 3.8 2.4',
  ],
  ' ': [1.4, ''],
}

const GLYPH_HEIGHT = 6
const SPACING = 1.7

export interface LetteringOptions {
  x?: number
  y?: number
  height: number
  color: string
  /** Width of the strokes as a share of the height. */
  weight?: number
  /** Longer lines are narrowed, as on real signs. */
  maxWidth?: number
}

/** A line of text, centered at (x, y), as SVG. */
export function lettering(
  text: string,
  { x = 0, y = 0, height, color, weight = 0.17, maxWidth }: LetteringOptions,
): string {
  let at = 0
  const letters = text.split('').map((letter) => {
    const glyph = GLYPHS[letter]
    if (!glyph) throw new Error(`no glyph for ${JSON.stringify(letter)}`)
    const path = `<path d="${glyph[1]}" transform="translate(${at.toFixed(2)} 0)"/>`
    at += glyph[0] + SPACING
    return path
  })
  const width = at - SPACING
  const scale = height / GLYPH_HEIGHT
  const narrow = maxWidth === undefined ? 1 : Math.min(1, maxWidth / (width * scale))
  const style = `fill="none" stroke="${color}" stroke-width="${(weight * GLYPH_HEIGHT).toFixed(2)}" stroke-linejoin="round"`
  return (
    `<g transform="translate(${x} ${y}) scale(${(scale * narrow).toFixed(4)} ${scale.toFixed(4)})` +
    ` translate(${(-width / 2).toFixed(2)} ${-GLYPH_HEIGHT / 2})" ${style}>${letters.join('')}</g>`
  )
}
