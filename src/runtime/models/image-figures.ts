import { CLIPPED, GRAY_AT, NEAR_BLACK, pixelKernel, RGB_AT, STEP, SUMS_AT, TILE } from './pixel-kernel.ts'

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
  const grays = new Uint16Array(kernel.memory.buffer)
  const parts = new Int32Array(kernel.memory.buffer, SUMS_AT, 16)
  const left = Math.max(start - 1, 0)
  const pixels = Math.min(end + 1, width) - left
  const whole = pixels - (pixels % STEP)
  // The Laplacian of a row needs the rows above and below it, so three rows of gray are enough.
  let [above, middle, below] = [GRAY_AT[0] / 2, GRAY_AT[1] / 2, GRAY_AT[2] / 2]
  // Edges exist between the outermost columns and rows.
  const firstEdge = Math.max(start, 1) - left
  const endEdge = Math.min(end, width - 1) - left
  for (let y = 0; y < height; y++) {
    ;[above, middle, below] = [middle, below, above]
    bytes.set(rgb.subarray((y * width + left) * 3, (y * width + left + pixels) * 3), RGB_AT)
    addRow(below)
    if (height < 3 || endEdge <= firstEdge) continue
    // The sum of the vertical second differences of all rows: what does not cancel out.
    if (y === 0 || y === height - 1) sums.edges += sumOf(below + firstEdge, below + endEdge)
    if (y === 1) sums.edges -= sumOf(below + firstEdge, below + endEdge)
    if (y === height - 2) sums.edges -= sumOf(below + firstEdge, below + endEdge)
    if (y >= 2) addEdges(middle + firstEdge, middle + endEdge)
  }

  /** Converts a row to gray and adds its tones: whole steps in the kernel, the rest here. */
  function addRow(at: number): void {
    if (whole > 0) {
      kernel.gray(RGB_AT, at * 2, (at + whole) * 2)
      sums.gray += partsFrom(0)
      sums.squares += partsFrom(4)
      sums.nearBlack += partsFrom(8)
      sums.clipped += partsFrom(12)
    }
    for (let x = whole; x < pixels; x++) {
      const color = RGB_AT + 3 * x
      grays[at + x] = (299 * bytes[color]! + 587 * bytes[color + 1]! + 114 * bytes[color + 2]! + 500) / 1_000
      addTone(grays[at + x]!, 1)
    }
    // The neighbors are of other tiles.
    if (left < start) addTone(grays[at]!, -1)
    if (left + pixels > end) addTone(grays[at + pixels - 1]!, -1)
  }

  function addTone(gray: number, times: 1 | -1): void {
    sums.gray += times * gray
    sums.squares += times * gray * gray
    if (gray <= NEAR_BLACK) sums.nearBlack += times
    else if (gray >= CLIPPED) sums.clipped += times
  }

  function addEdges(from: number, to: number): void {
    // The horizontal second differences of a row cancel out except at its ends.
    sums.edges += grays[from - 1]! - grays[from]! - grays[to - 1]! + grays[to]!
    const rest = to - ((to - from) % STEP)
    const [top, bottom] = [above - middle, below - middle]
    if (rest > from) {
      kernel.edges((top + from) * 2, from * 2, (bottom + from) * 2, rest * 2)
      sums.edgeSquares += partsFrom(0)
    }
    for (let at = rest; at < to; at++) {
      const edge = grays[top + at]! + grays[bottom + at]! + grays[at - 1]! + grays[at + 1]! - 4 * grays[at]!
      sums.edgeSquares += edge * edge
    }
  }

  function partsFrom(index: number): number {
    return parts[index]! + parts[index + 1]! + parts[index + 2]! + parts[index + 3]!
  }

  function sumOf(from: number, to: number): number {
    let sum = 0
    for (let at = from; at < to; at++) sum += grays[at]!
    return sum
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
