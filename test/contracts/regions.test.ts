import { expect, test } from 'vitest'
import { nearestFirst } from '../../src/contracts/regions.ts'

test('regions are sorted by distance, across the line where longitudes change their sign', () => {
  expect(nearestFirst('europe-west4', ['us-east4', 'asia-east1', 'europe-west1', 'europe-west4'])).toEqual([
    'europe-west4',
    'europe-west1',
    'us-east4',
    'asia-east1',
  ])
  // Tokyo is nearer to Oregon than Johannesburg is.
  expect(nearestFirst('us-west1', ['africa-south1', 'asia-northeast1'])).toEqual(['asia-northeast1', 'africa-south1'])
})

test('a region that Google has opened since comes after the known ones, its own part of the world first', () => {
  expect(nearestFirst('us-new1', ['europe-new1', 'us-new2'])).toEqual(['us-new2', 'europe-new1'])
  expect(nearestFirst('us-east1', ['us-new2', 'us-east4'])).toEqual(['us-east4', 'us-new2'])
})
