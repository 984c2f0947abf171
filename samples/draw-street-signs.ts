/**
 * Draws the pictures and writes the tables of samples/street-signs. Run it after a change with
 * `node samples/draw-street-signs.ts`; its output is committed.
 */
import { createHash } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { cameraOn } from './drawing/camera.ts'
import type { Camera } from './drawing/camera.ts'
import { UTILITY_POLES } from './drawing/pole-catalog.ts'
import { ROAD_SIGNS } from './drawing/sign-catalog.ts'
import type { SampleAsset, Shot } from './drawing/catalog.ts'
import { LIGHTS } from './drawing/color.ts'
import { photograph } from './drawing/photograph.ts'
import { seededRandom } from './drawing/random.ts'
import { street } from './drawing/street.ts'

/** Row of a Street View Insights table of observations (https://developers.google.com/maps/documentation/street-view-insights/reference). */
interface ObservationRow {
  asset_id: string
  asset_type: string
  observation_id: string
  snapshot_id: string
  location: { latitude: number; longitude: number }
  detection_time: string
  capture_time: string
  bbox: { lo: { x: number; y: number }; hi: { x: number; y: number } }
  camera_pose: { latitude: number; longitude: number; altitude: number; heading: number; pitch: number; roll: number }
  gcs_uri: string
}

const FOLDER = path.join(import.meta.dirname, 'street-signs')
const NEWEST_SNAPSHOT = 's1:2026-09-18'
const OLDER_SNAPSHOT = 's1:2026-03-20'

/** The observations in both snapshots, by image. In the table, the older row comes first for one and last for the other. */
const REPEATED_BEFORE = 'stop-4'
const REPEATED_AFTER = 'pole-crossarms-3'

const EYE_HEIGHT = 2.5
const LANE = 1.9
/** Meters above sea level of the town that the streets belong to. */
const GROUND = 1624
const METRES_PER_DEGREE = 111_320

const rows: ObservationRow[] = []
await rm(path.join(FOLDER, 'images'), { recursive: true, force: true })
await mkdir(path.join(FOLDER, 'images'), { recursive: true })
for (const asset of [...ROAD_SIGNS, ...UTILITY_POLES]) {
  for (const [index, shot] of asset.shots.entries()) {
    const image = `${asset.name}-${index + 1}`
    const camera = cameraFor(asset, shot)
    const jpeg = await photograph(drawing(asset, shot, camera), image, shot.exposure)
    await writeFile(path.join(FOLDER, 'images', `${image}.jpg`), jpeg)
    const row = observation(asset, shot, camera, image)
    const older = {
      ...row,
      snapshot_id: OLDER_SNAPSHOT,
      location: shifted(row.location, 1.5, 40),
      detection_time: row.capture_time,
    }
    if (image === REPEATED_BEFORE) rows.push(older)
    rows.push(row)
    if (image === REPEATED_AFTER) rows.push(older)
  }
}
await writeFile(path.join(FOLDER, 'observations.jsonl'), jsonLines(rows))

const [corrupt, missing] = faultyRows()
await writeFile(path.join(FOLDER, 'images', 'corrupt.jpg'), corruptImage())
await writeFile(path.join(FOLDER, 'with-faults.jsonl'), jsonLines([...rows, corrupt, missing]))

function cameraFor({ subject }: SampleAsset, shot: Shot): Camera {
  const [width, height] = shot.size ?? [640, 480]
  const position = [shot.lane ?? LANE, EYE_HEIGHT, subject.foot[2] - shot.distance] as const
  return cameraOn(subject.middle, shot.at ?? { x: 0.5, y: 0.42 }, {
    width,
    height,
    focalLength: shot.focalLength,
    position,
  })
}

function drawing({ plan, subject }: SampleAsset, shot: Shot, camera: Camera): string {
  const scene = street(plan).draw(camera, LIGHTS[shot.light], {
    along: subject.foot[2],
    draw: (at, light) => subject.draw(at, light),
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${camera.width}" height="${camera.height}">${scene}</svg>`
}

function observation(asset: SampleAsset, shot: Shot, camera: Camera, image: string): ObservationRow {
  const { foot } = asset.subject
  const ahead = shifted(asset.location, -shot.distance, asset.heading)
  const eye = shifted(ahead, camera.position[0] - foot[0], asset.heading + 90)
  const scale = (shot.exposure?.width ?? camera.width) / camera.width
  const { lo, hi } = asset.subject.box(camera)
  const scaled = ({ x, y }: { x: number; y: number }) => ({ x: tenths(x * scale), y: tenths(y * scale) })
  const random = seededRandom(`pose ${image}`)
  const newest = asset.shots
    .map(({ captured }) => captured)
    .toSorted()
    .at(-1)!
  return {
    asset_id: `t1:${hex(`asset ${asset.name}`)}:ffff005f`,
    asset_type: asset.type,
    observation_id: `o1:${hex(`observation ${image}`)}:00110060`,
    snapshot_id: NEWEST_SNAPSHOT,
    location: asset.location,
    detection_time: `${newest}+00:00`,
    capture_time: `${shot.captured}+00:00`,
    bbox: { lo: scaled(lo), hi: scaled(hi) },
    camera_pose: {
      ...eye,
      altitude: GROUND + EYE_HEIGHT,
      heading: asset.heading,
      pitch: tenths(random.between(-0.5, 0.5)),
      roll: tenths(random.between(-0.5, 0.5)),
    },
    gcs_uri: `images/${image}.jpg`,
  }
}

/** Two assets that fail: one has only a truncated image, the other only a missing one. */
function faultyRows(): [ObservationRow, ObservationRow] {
  const [like] = rows.filter(({ snapshot_id }) => snapshot_id === NEWEST_SNAPSHOT)
  const faulty = (name: string, meters: number): ObservationRow => ({
    ...like!,
    asset_id: `t1:${hex(`asset ${name}`)}:ffff005f`,
    observation_id: `o1:${hex(`observation ${name}`)}:00110060`,
    location: shifted(like!.location, meters, 87.5),
    gcs_uri: `images/${name}.jpg`,
  })
  return [faulty('corrupt', 140), faulty('missing', 280)]
}

/** The start of a JPEG without the rest. */
function corruptImage(): Buffer {
  const header = Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex')
  const digest = createHash('sha512').update('corrupt').digest()
  return Buffer.concat([header, ...Array.from({ length: 30 }, () => digest)])
}

function shifted(from: { latitude: number; longitude: number }, meters: number, bearing: number) {
  const angle = (bearing * Math.PI) / 180
  const degrees = meters / METRES_PER_DEGREE
  const widening = Math.cos((from.latitude * Math.PI) / 180)
  return {
    latitude: Number((from.latitude + degrees * Math.cos(angle)).toFixed(7)),
    longitude: Number((from.longitude + (degrees * Math.sin(angle)) / widening).toFixed(7)),
  }
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10
}

function hex(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 32)
}

function jsonLines(objects: readonly object[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('')
}
