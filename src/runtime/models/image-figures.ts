/** Gray values up to this are near-black. */
export const NEAR_BLACK = 10

/** Gray values from this on are clipped: overexposed or at the sensor's limit. */
export const CLIPPED = 250

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

/**
 * Measures 8-bit RGB pixels in one pass; the formulas are those of the profile `image-quality`. All sums
 * are of whole numbers below 2^53 (images have at most 2 x 10^8 pixels), so they are exact.
 *
 * @param rgb three bytes per pixel, row by row, `width * height * 3` of them
 * @throws RangeError when `rgb` has another size
 */
export function measurePixels(rgb: Uint8Array, width: number, height: number): PixelFigures {
  const pixels = width * height
  if (pixels === 0 || rgb.length !== pixels * 3)
    throw new RangeError(`${rgb.length} bytes are not ${width} x ${height} RGB pixels`)

  // The Laplacian of a row needs the rows above and below it, so three rows of gray are enough.
  let above = new Int16Array(width)
  let middle = new Int16Array(width)
  let below = new Int16Array(width)
  let sum = 0
  let sumOfSquares = 0
  let nearBlack = 0
  let clipped = 0
  let edgeSum = 0
  let edgeSumOfSquares = 0
  let at = 0

  for (let y = 0; y < height; y++) {
    const recycled = above
    above = middle
    middle = below
    below = recycled
    for (let x = 0; x < width; x++) {
      // The extra half keeps the product away from whole numbers, so that multiplying, which is quicker than
      // dividing, rounds the same.
      const gray = ((299 * rgb[at]! + 587 * rgb[at + 1]! + 114 * rgb[at + 2]! + 500.5) * 0.001) | 0
      at += 3
      below[x] = gray
      sum += gray
      sumOfSquares += gray * gray
      if (gray <= NEAR_BLACK) nearBlack++
      else if (gray >= CLIPPED) clipped++
    }
    if (y < 2) continue
    for (let x = 1; x < width - 1; x++) {
      const edge = above[x]! + below[x]! + middle[x - 1]! + middle[x + 1]! - 4 * middle[x]!
      edgeSum += edge
      edgeSumOfSquares += edge * edge
    }
  }

  const inner = Math.max(width - 2, 0) * Math.max(height - 2, 0)
  return {
    sharpness: round(inner === 0 ? 0 : variance(edgeSum, edgeSumOfSquares, inner), 4),
    brightness: round(sum / pixels, 4),
    contrast: round(Math.sqrt(variance(sum, sumOfSquares, pixels)), 4),
    near_black_share: round(nearBlack / pixels, 6),
    clipped_share: round(clipped / pixels, 6),
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
