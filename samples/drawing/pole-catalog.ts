import type { SampleAsset } from './catalog.ts'
import { utilityPole } from './subjects.ts'

/** Right of the curb, forty meters down the street. */
const POLE_FOOT = [6.5, 0, 40] as const
const POLE = 'ASSET_CLASS_UTILITY_POLE'
const TALL = [400, 600] as const

/** Four utility poles, each in a street of its own. */
export const UTILITY_POLES: readonly SampleAsset[] = [
  {
    name: 'pole-crossarms',
    type: POLE,
    subject: utilityPole({ height: 11, crossarms: [10.6, 9.5] }, POLE_FOOT),
    plan: { seed: 'crossarms', kind: 'suburb' },
    location: { latitude: 40.024117, longitude: -105.2608945 },
    heading: 46.9,
    shots: [
      {
        distance: 19,
        focalLength: 760,
        at: { x: 0.5, y: 0.46 },
        size: TALL,
        light: 'noon',
        captured: '2026-07-19T16:37:58.330146',
      },
      {
        distance: 30,
        focalLength: 900,
        at: { x: 0.58, y: 0.42 },
        light: 'noon',
        captured: '2026-07-19T16:37:56.082563',
      },
      {
        distance: 24,
        focalLength: 800,
        at: { x: 0.42, y: 0.44 },
        light: 'evening',
        captured: '2023-10-12T23:52:20.414978',
      },
    ],
  },
  {
    name: 'pole-transformer',
    type: POLE,
    subject: utilityPole({ height: 11.5, crossarms: [11.1], transformerAt: 9.2 }, POLE_FOOT),
    plan: { seed: 'transformer', kind: 'suburb' },
    location: { latitude: 40.0229656, longitude: -105.2641172 },
    heading: 224,
    shots: [
      {
        distance: 15,
        focalLength: 1150,
        at: { x: 0.52, y: 0.72 },
        size: TALL,
        light: 'overcast',
        captured: '2025-09-08T15:15:44.571390',
      },
      {
        distance: 24,
        focalLength: 1000,
        at: { x: 0.5, y: 0.55 },
        light: 'overcast',
        captured: '2025-09-08T15:15:42.190237',
      },
    ],
  },
  {
    name: 'pole-street-lamp',
    type: POLE,
    subject: utilityPole({ height: 10.5, crossarms: [10.1], streetLampAt: 7.4 }, POLE_FOOT),
    plan: { seed: 'lamp', kind: 'town' },
    location: { latitude: 40.0137795, longitude: -105.2778351 },
    heading: 135.5,
    shots: [
      // Dusk, twice: the best is poor.
      {
        distance: 16,
        focalLength: 900,
        at: { x: 0.62, y: 0.6 },
        size: TALL,
        light: 'evening',
        exposure: { gain: 0.3, grain: 2 },
        captured: '2024-11-29T00:21:09.883004',
      },
      {
        distance: 28,
        focalLength: 860,
        at: { x: 0.5, y: 0.43 },
        light: 'evening',
        exposure: { gain: 0.2, blur: 2.5, grain: 2 },
        captured: '2024-11-29T00:21:07.460191',
      },
    ],
  },
  {
    name: 'pole-leaning',
    type: POLE,
    subject: utilityPole({ height: 10, crossarms: [9.6], lean: 7, guy: true }, POLE_FOOT),
    plan: { seed: 'leaning', kind: 'suburb' },
    location: { latitude: 40.0257008, longitude: -105.2569831 },
    heading: 312.2,
    shots: [
      // Night without a flash, and a thumbnail saved in place of the picture.
      {
        distance: 20,
        focalLength: 760,
        at: { x: 0.5, y: 0.46 },
        size: TALL,
        light: 'evening',
        exposure: { gain: 0.035, grain: 1.6 },
        captured: '2023-01-22T02:10:55.047713',
      },
      {
        distance: 26,
        focalLength: 860,
        at: { x: 0.5, y: 0.43 },
        light: 'overcast',
        exposure: { width: 40 },
        captured: '2019-09-14T16:05:31.728405',
      },
    ],
  },
]
