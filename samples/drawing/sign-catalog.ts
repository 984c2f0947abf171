import type { SampleAsset } from './catalog.ts'
import {
  doNotEnterSign,
  noParkingSign,
  oneWaySign,
  pedestrianSign,
  speedLimitSign,
  stopSign,
  streetNameSign,
  yieldSign,
} from './signs.ts'
import { postedSign } from './subjects.ts'

/** Right of the curb, thirty meters down the street. */
const SIGN_FOOT = [6.1, 0, 30] as const
const SIGN = 'ASSET_CLASS_ROAD_SIGN'
const PORTRAIT = [420, 560] as const

/** Eight road signs, each in a street of its own. */
export const ROAD_SIGNS: readonly SampleAsset[] = [
  {
    name: 'stop',
    type: SIGN,
    subject: postedSign({ sign: stopSign(), up: 2.5, turn: 6 }, SIGN_FOOT),
    plan: { seed: 'stop', kind: 'suburb' },
    location: { latitude: 40.0149832, longitude: -105.2705471 },
    heading: 87.5,
    shots: [
      {
        distance: 8,
        focalLength: 1500,
        at: { x: 0.52, y: 0.4 },
        light: 'noon',
        captured: '2026-06-14T17:02:11.480125',
      },
      {
        distance: 13,
        focalLength: 1500,
        at: { x: 0.6, y: 0.42 },
        light: 'noon',
        captured: '2026-06-14T17:02:10.231877',
      },
      {
        distance: 22,
        focalLength: 1500,
        at: { x: 0.66, y: 0.45 },
        light: 'noon',
        captured: '2026-06-14T17:02:08.012004',
      },
      {
        distance: 10,
        focalLength: 1300,
        at: { x: 0.46, y: 0.36 },
        size: PORTRAIT,
        light: 'overcast',
        captured: '2023-03-02T15:41:55.900310',
      },
      {
        distance: 9,
        focalLength: 1400,
        light: 'morning',
        exposure: { blur: 3.4 },
        captured: '2019-05-21T13:20:47.118206',
      },
    ],
  },
  {
    name: 'yield',
    type: SIGN,
    subject: postedSign({ sign: yieldSign(), up: 2.45, turn: -10 }, SIGN_FOOT),
    plan: { seed: 'yield', kind: 'suburb' },
    location: { latitude: 40.0213377, longitude: -105.2528104 },
    heading: 181,
    shots: [
      {
        distance: 11,
        focalLength: 1350,
        at: { x: 0.44, y: 0.4 },
        light: 'morning',
        captured: '2026-07-02T14:12:33.004518',
      },
      {
        distance: 17,
        focalLength: 1350,
        at: { x: 0.56, y: 0.46 },
        light: 'morning',
        captured: '2026-07-02T14:12:31.551020',
      },
      {
        distance: 9,
        focalLength: 1200,
        light: 'overcast',
        exposure: { blur: 5 },
        captured: '2022-11-18T19:07:02.730641',
      },
    ],
  },
  {
    name: 'speed-limit',
    type: SIGN,
    subject: postedSign({ sign: speedLimitSign(25), up: 2.4, turn: 4 }, SIGN_FOOT),
    plan: { seed: 'speed', kind: 'suburb' },
    location: { latitude: 39.9987215, longitude: -105.2620938 },
    heading: 4.2,
    shots: [
      {
        distance: 9,
        focalLength: 1500,
        at: { x: 0.5, y: 0.42 },
        size: PORTRAIT,
        light: 'noon',
        captured: '2026-06-14T17:31:40.615002',
      },
      {
        distance: 15,
        focalLength: 1500,
        at: { x: 0.4, y: 0.45 },
        light: 'noon',
        captured: '2026-06-14T17:31:38.420733',
      },
      {
        distance: 12,
        focalLength: 1400,
        light: 'evening',
        exposure: { gain: 0.27, grain: 2 },
        captured: '2024-12-05T00:14:09.300187',
      },
    ],
  },
  {
    name: 'street-name',
    type: SIGN,
    subject: postedSign({ sign: streetNameSign('MAPLE ST', '5TH AVE'), up: 2.8, turn: 8 }, SIGN_FOOT),
    plan: { seed: 'maple', kind: 'town' },
    location: { latitude: 40.0176049, longitude: -105.2797316 },
    heading: 272,
    shots: [
      {
        distance: 9,
        focalLength: 1350,
        at: { x: 0.5, y: 0.42 },
        light: 'noon',
        captured: '2026-08-20T16:48:19.207744',
      },
      {
        distance: 14,
        focalLength: 1500,
        at: { x: 0.46, y: 0.4 },
        light: 'overcast',
        captured: '2021-10-09T18:22:51.662190',
      },
    ],
  },
  {
    name: 'one-way',
    type: SIGN,
    subject: postedSign({ sign: oneWaySign(), up: 2.5, turn: -6 }, SIGN_FOOT),
    plan: { seed: 'one way', kind: 'town' },
    location: { latitude: 40.0183261, longitude: -105.2760088 },
    heading: 91.3,
    shots: [
      // Both a little out of focus: the best this asset has is fair.
      {
        distance: 10,
        focalLength: 1400,
        at: { x: 0.5, y: 0.44 },
        light: 'overcast',
        exposure: { blur: 0.95 },
        captured: '2025-04-11T15:09:27.814400',
      },
      {
        distance: 13,
        focalLength: 1200,
        at: { x: 0.56, y: 0.4 },
        light: 'overcast',
        exposure: { width: 260 },
        captured: '2020-04-30T20:33:12.098811',
      },
    ],
  },
  {
    name: 'no-parking',
    type: SIGN,
    subject: postedSign({ sign: noParkingSign(), up: 2.2, turn: 14 }, SIGN_FOOT),
    plan: { seed: 'parking', kind: 'town' },
    location: { latitude: 40.0169907, longitude: -105.2811652 },
    heading: 178.6,
    shots: [
      {
        distance: 6.5,
        focalLength: 1700,
        at: { x: 0.5, y: 0.42 },
        size: PORTRAIT,
        light: 'noon',
        captured: '2026-08-20T16:55:03.471298',
      },
      {
        distance: 9,
        focalLength: 1500,
        at: { x: 0.42, y: 0.44 },
        light: 'noon',
        captured: '2026-08-20T16:55:01.916650',
      },
      {
        distance: 7,
        focalLength: 1500,
        light: 'evening',
        exposure: { gain: 0.17, grain: 2.2 },
        captured: '2024-01-17T00:40:36.555012',
      },
    ],
  },
  {
    name: 'pedestrian-crossing',
    type: SIGN,
    subject: postedSign({ sign: pedestrianSign(), up: 2.6, turn: 5 }, SIGN_FOOT),
    plan: { seed: 'crossing', kind: 'town', crosswalkAt: 33 },
    location: { latitude: 40.0194483, longitude: -105.272553 },
    heading: 0.8,
    shots: [
      {
        distance: 10,
        focalLength: 1250,
        at: { x: 0.6, y: 0.36 },
        light: 'morning',
        captured: '2026-09-03T14:26:48.130927',
      },
      {
        distance: 16,
        focalLength: 1250,
        at: { x: 0.68, y: 0.38 },
        light: 'morning',
        captured: '2026-09-03T14:26:46.700455',
      },
      {
        distance: 25,
        focalLength: 1250,
        at: { x: 0.72, y: 0.4 },
        light: 'morning',
        captured: '2026-09-03T14:26:44.204816',
      },
      {
        distance: 12,
        focalLength: 1300,
        light: 'noon',
        exposure: { gain: 1.9, offset: 18 },
        captured: '2022-06-27T18:59:15.002771',
      },
    ],
  },
  {
    name: 'do-not-enter',
    type: SIGN,
    subject: postedSign({ sign: doNotEnterSign(), up: 2.3, turn: -4 }, SIGN_FOOT),
    plan: { seed: 'enter', kind: 'town' },
    location: { latitude: 40.0152218, longitude: -105.2837409 },
    heading: 268.4,
    shots: [
      {
        distance: 9,
        focalLength: 1300,
        at: { x: 0.48, y: 0.42 },
        light: 'noon',
        exposure: { gain: 1.75, offset: 24 },
        captured: '2025-06-30T18:18:18.645039',
      },
    ],
  },
]
