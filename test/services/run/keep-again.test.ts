import { expect, test } from 'vitest'
import { completeOptions } from '../../../src/services/run/same-as-before.ts'

const spec = {
  source: {
    given: 'my-project.city.observations',
    loaded: false,
    image_folder: null,
    where: null,
    asset_column: 'asset_id',
    image_column: 'gcs_uri',
    keep: [
      { name: 'district', type: 'STRING' },
      { name: 'lanes', type: 'INT64' },
    ],
    limit: null,
    sample: null,
  },
  profile_given: 'road-signs',
  unit: 'asset',
  images: { max_per_unit: 6, pick: 'latest' },
  gemini: null,
}
const earlier = { runId: '261130-00000001', spec } as never

test('an update keeps the columns of its run, unless it has another table or a --keep of its own', () => {
  const same = completeOptions({ update: '261130', wait: true }, earlier, 'run')
  expect(same).toMatchObject({ table: 'my-project.city.observations', keep: 'district,lanes' })
  expect(completeOptions({ update: '261130', keep: 'lanes', wait: true }, earlier, 'run')).toMatchObject({
    keep: 'lanes',
  })
  const other = completeOptions({ update: '261130', table: 'my-project.town.observations', wait: true }, earlier, 'run')
  expect(other.keep).toBeUndefined()
})
