import { expect, test } from 'vitest'
import { LIST_PRICES } from '../../../src/contracts/prices.ts'
import { completeOptions, priceWarnings } from '../../../src/services/run/same-as-before.ts'

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

test('an update warns if it counts other prices than its run, unless a price file says so', () => {
  const at = (input: number): never =>
    ({ model: 'gemini-3.5-flash-lite', price: { input_nanousd: input, output_nanousd: 2_500 } }) as never
  const before = { runId: '261130-00000001', spec: { ...spec, gemini: at(301) } } as never
  const prices = { list: LIST_PRICES, own: undefined }
  expect(priceWarnings({ gemini: at(300), prices }, before)).toEqual([
    'Run 261130-00000001 counted $0.301 per million input tokens and $2.5 per million output tokens of gemini-3.5-flash-lite, and this one counts $0.3 per million input tokens and $2.5 per million output tokens; --prices FILE sets other prices',
  ])
  expect(priceWarnings({ gemini: at(301), prices }, before)).toEqual([])
  expect(priceWarnings({ gemini: at(300), prices }, undefined)).toEqual([])
  const own = { path: 'p.yaml', dated: '2026-12-01', models: { 'gemini-3.5-flash-lite': { input: 0.3, output: 2.5 } } }
  expect(priceWarnings({ gemini: at(300), prices: { list: own, own } }, before)).toEqual([])
})
