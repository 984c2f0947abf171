import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import sharp from 'sharp'

/** A table of generated assets with one tiny image each, each of a different size, so that a row with another asset's answer is detected. */
export interface ManyAssets {
  table: string
  /** Width and height by asset id, in the order of the ids. */
  sizes: ReadonlyMap<string, { width: number; height: number }>
}

/** Writes `count` images and the JSONL file that lists them into `folder`. */
export async function writeManyAssets(folder: string, count: number): Promise<ManyAssets> {
  await mkdir(path.join(folder, 'images'), { recursive: true })
  const sizes = new Map<string, { width: number; height: number }>()
  const rows = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const id = `asset-${String(index).padStart(4, '0')}`
      const size = { width: 8 + (index % 32), height: 8 + Math.floor(index / 32) }
      sizes.set(id, size)
      const image = await sharp({ create: { ...size, channels: 3, background: { r: index % 256, g: 80, b: 40 } } })
        .png({ compressionLevel: 1 })
        .toBuffer()
      await writeFile(path.join(folder, 'images', `${id}.png`), image)
      return { asset_id: id, observation_id: `${id}/1`, gcs_uri: `images/${id}.png` }
    }),
  )
  const table = path.join(folder, 'assets.jsonl')
  await writeFile(table, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
  return { table, sizes }
}
