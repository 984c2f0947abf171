import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { GEMINI_MODELS, MODELS_DATED, PRICES_DATED } from '../../../src/contracts/gemini-models.ts'
import { listModels, type ListedModel } from '../../../src/services/options/model-list.ts'
import { formatModel, formatModels } from '../../../src/ui/models.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'imagery-models-'))
afterAll(() => rmSync(folder, { recursive: true }))

const one = (model: string, prices?: string): ListedModel => listModels({ only: model, prices }).models[0]!

test('the list has every model of the table once, the default first and retired ones last', () => {
  const { models, default: main, dated, prices } = listModels()
  expect(models.map(({ model }) => model).toSorted()).toEqual(Object.keys(GEMINI_MODELS).toSorted())
  expect(models[0]).toMatchObject({ model: main, is_default: true })
  expect({ dated, prices }).toEqual({ dated: MODELS_DATED, prices: { dated: PRICES_DATED, file: null } })
  const states = models.map(({ state }) => state)
  expect(states).toEqual(states.toSorted((a, b) => b.localeCompare(a)))
})

test('a model has its prices by tier, levels, image tokens and retirement', () => {
  expect(one('gemini-3.5-flash-lite')).toEqual({
    model: 'gemini-3.5-flash-lite',
    is_default: true,
    state: 'served',
    tiers: ['standard', 'flex'],
    price: {
      from: 'imagery',
      dated: PRICES_DATED,
      usd_per_million_tokens: { standard: { input: 0.3, output: 2.5 }, flex: { input: 0.15, output: 1.25 } },
    },
    thinking: ['minimal', 'low', 'medium', 'high'],
    temperature: 'fixed',
    image_tokens: { low: 280, medium: 560, high: 1_120 },
    retirement: { day: '2027-07-21', is_fixed: false, successor: null, price_ratio: null },
  })
})

test('a retired model has its successor and what that costs', () => {
  expect(one('gemini-2.5-flash-lite')).toMatchObject({
    state: 'retired',
    tiers: ['standard'],
    retirement: {
      day: '2026-10-20',
      is_fixed: true,
      successor: 'gemini-3.1-flash-lite',
      price_ratio: { input: 2.5, output: 3.75 },
    },
  })
  expect(one('gemini-1.5-pro-002')).toMatchObject({
    state: 'retired',
    price: null,
    retirement: { successor: 'gemini-3.5-flash', price_ratio: null },
  })
})

test('a retired model asks for no price file, which would not help', () => {
  const shown = (model: string): string => formatModel(listModels(), one(model))
  expect(shown('gemini-2.0-flash')).toMatch(/Prices +none, and a run refuses this model\n/)
  expect(shown('gemini-3.7-flash')).toMatch(/Prices +a run needs --prices FILE\n/)
})

test('a pinned version has the facts of its model', () => {
  expect(one('gemini-3.5-flash-001')).toEqual({ ...one('gemini-3.5-flash'), model: 'gemini-3.5-flash-001' })
})

test('prices of a file are marked, and so are models that only the file has', () => {
  const file = path.join(folder, 'prices.yaml')
  writeFileSync(
    file,
    'dated: 2026-11-23\nmodels: {gemini-3.5-flash: {input: 1, output: 2}, gemini-9-ultra: {input: 3, output: 4}}\n',
  )
  const list = listModels({ prices: file })
  expect(list.prices.file).toEqual({ path: file, dated: '2026-11-23' })
  expect(one('gemini-3.5-flash-001', file).price).toMatchObject({ from: 'file', dated: '2026-11-23' })
  expect(one('gemini-3.5-flash-lite', file).price).toMatchObject({ from: 'imagery', dated: PRICES_DATED })
  expect(one('gemini-9-ultra', file)).toMatchObject({
    state: 'unknown',
    thinking: null,
    price: { usd_per_million_tokens: { standard: { input: 3, output: 4 } } },
  })
  const text = formatModels(list, 80)
  expect(text).toMatch(/^gemini-3.5-flash +\$1.00\* +\$2.00\* /m)
  expect(text).toMatch(/^gemini-9-ultra +\$3.00\* +\$4.00\* +-50% +\?/m)
  expect(text).toMatch(/^gemini-3.1-flash-lite +\$0.25 +\$1.50 /m)
})

test('the list fits 80 columns, and cuts no figure', () => {
  const lines = formatModels(listModels(), 80).split('\n')
  expect(lines.filter((line) => line.length > 80)).toEqual([])
  expect(lines.filter((line) => line.includes('…'))).toEqual([])
})

test.each([
  ['gemini-3.5-flahs', /Did you mean gemini-3.5-flash\?/],
  ['gemini-2.5-flahs', /Did you mean gemini-2.5-flash\? It was retired by Google/],
  ['pixels', /measures images exactly and costs nothing/],
  ['gpt-5', /Model gpt-5 is unknown/],
])('models %s is refused by name', (model, message) => {
  expect(() => listModels({ only: model })).toThrow(message)
})
