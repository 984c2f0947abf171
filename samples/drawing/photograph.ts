import sharp from 'sharp'
import { seededRandom } from './random.ts'

/** The image faults between a street and a file. */
export interface Exposure {
  /** Pixels of Gaussian blur: out of focus. */
  blur?: number
  /** A factor for all light: above 1 overexposes, below 1 darkens. */
  gain?: number
  /** Added afterwards, in gray values. */
  offset?: number
  /** The file's final width, smaller than the drawing. */
  width?: number
  /** Standard deviation of the sensor's noise, in gray values. */
  grain?: number
  quality?: number
}

const GRAIN = 1.4
const QUALITY = 74

/** Turns a drawing into a JPEG. The same drawing gives the same bytes with the same version of sharp. */
export async function photograph(svg: string, seed: string, exposure: Exposure = {}): Promise<Buffer> {
  const { blur, gain = 1, offset = 0, width, grain = GRAIN, quality = QUALITY } = exposure
  let picture = sharp(Buffer.from(svg)).flatten({ background: '#808080' })
  if (blur !== undefined) picture = picture.blur(blur)
  if (width !== undefined) picture = sharp(await picture.png().toBuffer()).resize({ width })
  const { data, info } = await picture.removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const random = seededRandom(seed)
  for (let at = 0; at < data.length; at += info.channels) {
    const noise = grain * bell(random.next(), random.next())
    for (let channel = 0; channel < info.channels; channel++) {
      data[at + channel] = Math.min(Math.max(Math.round(data[at + channel]! * gain + offset + noise), 0), 255)
    }
  }
  return sharp(data, { raw: { width: info.width, height: info.height, channels: info.channels } })
    .jpeg({ quality, mozjpeg: true })
    .toBuffer()
}

/** A standard normal random number from two uniform ones (Box-Muller). */
function bell(first: number, second: number): number {
  return Math.sqrt(-2 * Math.log(1 - first)) * Math.cos(2 * Math.PI * second)
}
