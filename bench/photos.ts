/**
 * What a folder of photos costs compared to only decoding them: `node bench/photos.ts [--photos N] [--runs N]`. Generates
 * JPEG photos of 12 megapixels, decodes them in a bare loop on all cores, and runs `image-quality` and `resolution` over
 * their folder. Both commands are whole: they read, stage, measure and write the results. The first run of each starts the
 * services' decoders. While other programs use the machine, only the ratios of CPU seconds mean anything. Run `npm run build`
 * first.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import type { RunReport } from '../src/contracts/run-report.ts'
import { startLocalImagery, type LocalImagery } from './local-imagery.ts'
import { canMeasureProcesses, endedChildrenSeconds, findChildren, processorSeconds } from './processes.ts'
import { median, printTable } from './table.ts'

const { values } = parseArgs({
  options: { photos: { type: 'string', default: '200' }, runs: { type: 'string', default: '3' } },
})
const photos = Number(values.photos)
const runs = Number(values.runs)

const PROFILES = ['image-quality', 'resolution']

const WIDTH = 4_000
const HEIGHT = 3_000

/** Photos that are really different. The others are their copies with another comment, so that all files differ. */
const SCENES = 8

const folder = mkdtempSync(path.join(tmpdir(), 'imagery-photos-'))
try {
  await writePhotos()
  const local = await startLocalImagery()
  try {
    await bench(local)
  } finally {
    await local.stop()
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function bench(local: LocalImagery): Promise<void> {
  const files = readdirSync(folder).map((name) => path.join(folder, name))
  const megabytes = files.reduce((sum, file) => sum + statSync(file).size, 0) / 1e6
  console.log(
    `${photos} photos of ${WIDTH} x ${HEIGHT} pixels, ${Math.round(megabytes)} MB, ${availableParallelism()} cores`,
  )
  const rows = []
  const ratios: Record<string, { time: number; processor: number }[]> = {}
  for (let run = 1; run <= runs; run++) {
    const bare = await bareDecode(files)
    rows.push({ run: `${run}: bare decode`, s: bare.seconds, ratio: 1, 'CPU s': bare.processor, 'CPU ratio': 1 })
    for (const profile of PROFILES) {
      const took = await measureRun(local, profile)
      const time = took.seconds / bare.seconds
      const processor = took.processor / bare.processor
      ;(ratios[profile] ??= []).push({ time, processor })
      rows.push({
        run: `${run}: ${profile}`,
        s: took.seconds,
        ratio: time,
        'CPU s': took.processor,
        'CPU ratio': processor,
        ...took.parts,
      })
    }
  }
  printTable('whole commands, relative to a bare decode loop of the same run', rows)
  printTable(
    `median of ${runs}`,
    Object.entries(ratios).map(([profile, all]) => ({
      profile,
      first: all[0]!.time,
      median: median(all.map(({ time }) => time)),
      'first, CPU': all[0]!.processor,
      'median, CPU': median(all.map(({ processor }) => processor)),
    })),
  )
}

interface Took {
  seconds: number
  processor: number
  /** The CPU seconds of each program. */
  parts?: Record<string, number>
}

/** Decodes every photo to RGB, as many at once as there are cores, and does nothing else. */
async function bareDecode(files: readonly string[]): Promise<Took> {
  sharp.concurrency(1)
  sharp.cache(false)
  const before = process.cpuUsage()
  const startedMs = performance.now()
  const queue = files.values()
  const worker = async (): Promise<void> => {
    for (const file of queue) await sharp(file).raw().toBuffer()
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  const seconds = (performance.now() - startedMs) / 1_000
  const { user, system } = process.cpuUsage(before)
  return { seconds, processor: (user + system) / 1e6 }
}

async function measureRun({ imagery, locator }: LocalImagery, profile: string): Promise<Took> {
  const before = processorTimes(locator.pid)
  const { result, seconds } = await imagery('run', '--table', folder, '--profile', profile)
  const { units } = result as RunReport
  if (units.ok !== photos) throw new Error(`${units.ok} of ${photos} photos are ok`)
  const after = processorTimes(locator.pid)
  const parts = Object.fromEntries(
    Object.entries(after).map(([program, total]) => [`CPU s, ${program}`, total - (before[program] ?? 0)]),
  )
  return { seconds, processor: Object.values(parts).reduce((sum, part) => sum + part, 0), parts }
}

/** CPU seconds so far of each program; empty if the system does not tell. */
function processorTimes(cloud: number): Record<string, number> {
  if (!canMeasureProcesses) return {}
  const service = (file: string): number => findChildren(cloud, file).reduce((sum, id) => sum + processorSeconds(id), 0)
  return {
    command: endedChildrenSeconds(),
    cloud: processorSeconds(cloud),
    main: service('main.js'),
    populate: service('populate.js'),
  }
}

/** Writes photos with the mix of smooth areas, edges and sensor noise that makes a camera's JPEG about 4 MB large. */
async function writePhotos(): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const scenes: Buffer[] = []
  for (let scene = 0; scene < Math.min(SCENES, photos); scene++) scenes.push(await sceneJpeg(scene))
  for (let index = 0; index < photos; index++) {
    const jpeg = scenes[index % scenes.length]!
    const comment = Buffer.from(`photo ${index}`)
    const head = Buffer.alloc(4)
    head.writeUInt16BE(0xff_fe)
    head.writeUInt16BE(comment.length + 2, 2)
    // A comment may stand right behind the start marker.
    writeFileSync(
      path.join(folder, `photo-${String(index).padStart(4, '0')}.jpg`),
      Buffer.concat([jpeg.subarray(0, 2), head, comment, jpeg.subarray(2)]),
    )
  }
}

async function sceneJpeg(scene: number): Promise<Buffer> {
  const rgb = Buffer.allocUnsafe(WIDTH * HEIGHT * 3)
  let state = scene + 1
  for (let y = 0, at = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++, at += 3) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      const noise = (state >>> 24) / 32 - 4
      const isBrick = (x + (scene + 1) * y) % 97 < 40 !== (y + scene * 13) % 61 < 25
      const light = 90 + 60 * Math.sin((x + y * scene) / 700) + (isBrick ? 35 : 0) + noise
      rgb[at] = light + 20
      rgb[at + 1] = light
      rgb[at + 2] = light - 25 + 15 * Math.sin(y / 300)
    }
  }
  const image = sharp(rgb, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
  return image.jpeg({ quality: 92, chromaSubsampling: '4:2:0' }).toBuffer()
}
