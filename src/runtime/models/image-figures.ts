import {
  CLIPPED,
  EDGE_STEP,
  GRAY_AT,
  GRAY_STEP,
  NEAR_BLACK,
  pixelKernel,
  RGB_AT,
  SUMS_AT,
  TILE,
} from './pixel-kernel.ts'

/** The measurements of an image's pixels, rounded as in the results, so that a row explains its own verdict. */
export interface PixelFigures {
  /** Variance of the Laplacian, 4 decimals. */
  sharpness: number
  /** Mean gray, 0 to 255, 4 decimals. */
  brightness: number
  /** Population standard deviation of gray, 4 decimals. */
  contrast: number
  /** Share of pixels, 0 to 1, 6 decimals. */
  near_black_share: number
  /** Share of pixels, 0 to 1, 6 decimals. */
  clipped_share: number
}

/** Exact sums over the pixels of an image: whole numbers below 2^53 (images have at most 2 x 10^8 pixels). */
interface Sums {
  gray: number
  squares: number
  nearBlack: number
  clipped: number
  edges: number
  edgeSquares: number
}

/**
 * Measures 8-bit RGB pixels; the formulas are those of the profile `image-quality`. WebAssembly with vectors does what
 * counts: plain JavaScript takes longer for an image than its decoder.
 *
 * @param rgb three bytes per pixel, row by row, `width * height * 3` of them
 * @throws RangeError when `rgb` has another size
 */
export function measurePixels(rgb: Uint8Array, width: number, height: number): PixelFigures {
  const pixels = width * height
  if (pixels === 0 || rgb.length !== pixels * 3)
    throw new RangeError(`${rgb.length} bytes are not ${width} x ${height} RGB pixels`)
  const sums: Sums = { gray: 0, squares: 0, nearBlack: 0, clipped: 0, edges: 0, edgeSquares: 0 }
  // A tile and its neighbors to the left and right fill the kernel's row.
  for (let start = 0; start < width; start += TILE - 2)
    addTile(sums, { rgb, width, height }, start, Math.min(start + TILE - 2, width))
  const inner = Math.max(width - 2, 0) * Math.max(height - 2, 0)
  return {
    sharpness: round(inner === 0 ? 0 : variance(sums.edges, sums.edgeSquares, inner), 4),
    brightness: round(sums.gray / pixels, 4),
    contrast: round(Math.sqrt(variance(sums.gray, sums.squares, pixels)), 4),
    near_black_share: round(sums.nearBlack / pixels, 6),
    clipped_share: round(sums.clipped / pixels, 6),
  }
}

/** Adds the columns `start` to `end` (not included) of all rows. */
function addTile(
  sums: Sums,
  { rgb, width, height }: { rgb: Uint8Array; width: number; height: number },
  start: number,
  end: number,
): void {
  const kernel = pixelKernel()
  const bytes = new Uint8Array(kernel.memory.buffer)
  const parts = new Int32Array(kernel.memory.buffer, SUMS_AT, 10)
  const left = Math.max(start - 1, 0)
  const right = Math.min(end + 1, width)
  // The Laplacian of a row needs the rows above and below it, so three rows of gray are enough.
  let [above, middle, below] = GRAY_AT
  // Edges exist between the outermost columns and rows.
  const firstEdge = Math.max(start, 1) - left
  const endEdge = Math.min(end, width - 1) - left
  for (let y = 0; y < height; y++) {
    ;[above, middle, below] = [middle, below, above]
    bytes.set(rgb.subarray((y * width + left) * 3, (y * width + right) * 3), RGB_AT)
    kernel.gray(RGB_AT, below, below + right - left)
    addTones(sums, below + start - left, below + end - left)
    if (y >= 2) addEdges(sums, above + firstEdge, middle + firstEdge, below + firstEdge, middle + endEdge)
  }

  /** Whole steps in the kernel, the rest here. */
  function addTones(into: Sums, from: number, to: number): void {
    const rest = to - ((to - from) % GRAY_STEP)
    if (rest > from) {
      kernel.tones(from, rest)
      into.gray += parts[0]! + parts[1]! + parts[2]! + parts[3]!
      into.squares += parts[4]! + parts[5]! + parts[6]! + parts[7]!
      into.nearBlack += parts[8]!
      into.clipped += parts[9]!
    }
    for (let at = rest; at < to; at++) {
      const gray = bytes[at]!
      into.gray += gray
      into.squares += gray * gray
      if (gray <= NEAR_BLACK) into.nearBlack++
      else if (gray >= CLIPPED) into.clipped++
    }
  }

  function addEdges(into: Sums, top: number, from: number, bottom: number, to: number): void {
    const rest = to - ((to - from) % EDGE_STEP)
    if (rest > from) {
      kernel.edges(top, from, bottom, rest)
      into.edges += parts[0]! + parts[1]! + parts[2]! + parts[3]!
      into.edgeSquares += parts[4]! + parts[5]! + parts[6]! + parts[7]!
    }
    for (let at = Math.max(rest, from); at < to; at++) {
      const aside = bytes[at - 1]! + bytes[at + 1]!
      const edge = bytes[top + at - from]! + bytes[bottom + at - from]! + aside - 4 * bytes[at]!
      into.edges += edge
      into.edgeSquares += edge * edge
    }
  }
}

/** Population variance. Rounding can give a tiny negative number when all values are equal. */
function variance(sum: number, sumOfSquares: number, count: number): number {
  const mean = sum / count
  return Math.max(sumOfSquares / count - mean * mean, 0)
}

/** Rounds half away from zero for the non-negative numbers used here. */
function round(value: number, decimals: number): number {
  const scale = 10 ** decimals
  return Math.round(value * scale) / scale
}
