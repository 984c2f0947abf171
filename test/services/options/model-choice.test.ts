import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { ImageryError } from '../../../src/contracts/errors.ts'
import { LIST_PRICES } from '../../../src/contracts/prices.ts'
import type { Profile } from '../../../src/contracts/run-spec.ts'
import { findProfile } from '../../../src/profiles/built-in-profiles.ts'
import { chooseModel, modelWarnings, type ModelFlags } from '../../../src/services/options/model-choice.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'imagery-prices-'))
afterAll(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const at = path.join(folder, name)
  writeFileSync(at, text)
  return at
}

const signs = findProfile('road-signs')

function refusal(profile: Profile, flags: ModelFlags): string {
  try {
    chooseModel(profile, flags)
  } catch (error) {
    if (error instanceof ImageryError) return `${error.code}: ${error.message}`
    throw error
  }
  throw new Error('accepted')
}

test("the profile decides what no flag sets, and Google's defaults the rest", () => {
  expect(chooseModel(signs, {})).toEqual({
    unit: 'asset',
    images: { max_per_unit: 6, pick: 'latest' },
    gemini: {
      model: 'gemini-3.5-flash-lite',
      location: 'global',
      endpoint: null,
      tier: 'standard',
      media_resolution: null,
      temperature: null,
      max_output_tokens: 2_048,
      thinking: 'minimal',
      image_transport: 'gs',
      price: { input_nanousd: 300, output_nanousd: 2_500 },
    },
    prices: { list: LIST_PRICES, own: undefined },
  })
})

test('flags override the profile', () => {
  const flags: ModelFlags = {
    unit: 'observation',
    imagesPerUnit: 2,
    pick: 'spread',
    model: 'gemini-3.5-flash',
    location: 'europe-west4',
    mediaResolution: 'low',
    imageTransport: 'inline',
    geminiEndpoint: 'http://127.0.0.1:9',
  }
  expect(chooseModel({ ...signs, unit: 'asset', media_resolution: 'high' }, flags)).toMatchObject({
    unit: 'observation',
    images: { max_per_unit: 2, pick: 'spread' },
    gemini: {
      model: 'gemini-3.5-flash',
      location: 'europe-west4',
      media_resolution: 'low',
      image_transport: 'inline',
      endpoint: 'http://127.0.0.1:9/',
    },
  })
})

test('all images means as many as Gemini accepts', () => {
  expect(chooseModel(signs, { pick: 'all' }).images).toEqual({ pick: 'all', max_per_unit: 3_000 })
  expect(chooseModel({ ...signs, images: { pick: 'all' } }, { pick: 'latest', imagesPerUnit: 1 }).images).toEqual({
    pick: 'latest',
    max_per_unit: 1,
  })
})

describe('a setting that the model does not accept or use', () => {
  const prices = file('newer.yaml', 'dated: 2026-11-30\nmodels: {gemini-3.7-flash: {input: 1, output: 2}}\n')

  test('a thinking level below the lowest one is raised before anything is spent, with a warning', () => {
    const { gemini } = chooseModel(signs, { model: 'gemini-3.7-flash', prices })
    expect(gemini?.thinking).toBe('low')
    expect(modelWarnings(signs, gemini)).toEqual([
      'gemini-3.7-flash accepts the thinking levels low, medium, high, so it thinks at level low, not at minimal as profile road-signs asks; thoughts are billed',
    ])
  })

  test('a level that the model accepts stays as it is', () => {
    const { gemini } = chooseModel(signs, { model: 'gemini-3.5-flash' })
    expect(gemini?.thinking).toBe('minimal')
    expect(modelWarnings(signs, gemini)).toEqual([])
  })

  test('a temperature that the model ignores is reported', () => {
    const warm = { ...signs, temperature: 0.4 }
    expect(modelWarnings(warm, chooseModel(warm, {}).gemini)).toEqual([
      'gemini-3.5-flash-lite uses no temperature, so temperature 0.4 of profile road-signs is not sent',
    ])
    expect(modelWarnings(warm, chooseModel(warm, { model: 'gemini-3.1-flash-lite' }).gemini)).toEqual([])
  })

  test('the pixels model has no such settings', () => {
    expect(modelWarnings(findProfile('resolution'), null)).toEqual([])
  })
})

test('the pixels model needs no Gemini', () => {
  expect(chooseModel(findProfile('resolution'), { unit: 'observation' })).toMatchObject({
    unit: 'observation',
    gemini: null,
  })
})

describe('refused before anything is spent:', () => {
  test.each<[string, ModelFlags, RegExp]>([
    ['a model that is none', { model: 'gpt-5' }, /--model gpt-5 is not a Gemini model/],
    ['the pixels model for a question', { model: 'pixels' }, /profile road-signs needs a Gemini model/],
    [
      'a model without a price',
      { model: 'gemini-9-ultra' },
      /price list of 20\d\d-\d\d-\d\d has no price for gemini-9-ultra/,
    ],
    ['flex in a region', { tier: 'flex', location: 'us-central1' }, /only with --location global/],
    ['flex of a model that has none', { tier: 'flex', model: 'gemini-2.5-flash' }, /gemini-2.5-flash has no flex tier/],
    ['an endpoint that is no URL', { geminiEndpoint: 'localhost:80' }, /is not an http\(s\) URL/],
    ['a location that is none', { location: 'us central1/x' }, /is not a location/],
    ['a number of all images', { pick: 'all', imagesPerUnit: 3 }, /--pick all uses all images/],
  ])('%s', (_what, flags, message) => {
    expect(refusal(signs, flags)).toMatch(message)
  })

  test('Gemini flags for a profile that measures', () => {
    expect(refusal(findProfile('resolution'), { tier: 'flex' })).toMatch(
      /--tier works only with Gemini profiles; profile resolution uses the pixels model/,
    )
  })
})

describe('a price file', () => {
  test('overrides the built-in list, model by model', () => {
    const prices = file('prices.yaml', 'dated: 2026-11-23\nmodels:\n  gemini-9-ultra: {input: 12.5, output: 0.125}\n')
    expect(chooseModel(signs, { model: 'gemini-9-ultra', prices }).gemini?.price).toEqual({
      input_nanousd: 12_500,
      output_nanousd: 125,
    })
    expect(chooseModel(signs, { prices }).gemini?.price).toEqual({ input_nanousd: 300, output_nanousd: 2_500 })
  })

  test.each([
    ['missing.yaml', undefined, /^FILE_NOT_FOUND: The price file/],
    ['broken.yaml', '{', /^INVALID_CONFIGURATION: The price file/],
    [
      'negative.yaml',
      'dated: 2026-11-23\nmodels: {gemini-x: {input: -1, output: 1}}',
      /^INVALID_CONFIGURATION: .*models\.gemini-x\.input/,
    ],
    ['undated.yaml', 'models: {}', /^INVALID_CONFIGURATION: .*dated/],
  ])('%s is refused', (name, text, message) => {
    const prices = text === undefined ? path.join(folder, name) : file(name, text)
    expect(refusal(signs, { prices })).toMatch(message)
  })
})

describe('a model that Google does not serve is refused by name', () => {
  test.each([
    [
      'gemini-2.0-flash',
      /gemini-2.0-flash was retired by Google on 2026-02-05; its successor is gemini-3.5-flash-lite/,
    ],
    ['gemini-2.0-flash-001', /gemini-2.0-flash-001 was retired/],
    ['gemini-2.5-flash-001', /gemini-2.5-flash-001 was retired by Google on 2026-10-20/],
    ['gemini-2.5-pro', /its successor is gemini-3.5-flash, which costs /],
    ['gemini-1.5-pro', /was retired by Google on 2025-09-24; its successor is gemini-3.5-flash, which costs /],
    [
      'gemini-1.5-flash-002',
      /was retired by Google on 2025-09-24; its successor is gemini-3.5-flash-lite, which costs /,
    ],
    [
      'gemini-1.5-flash-8b-exp-0924',
      /was retired by Google on 2025-09-24; its successor is gemini-3.5-flash-lite, which costs /,
    ],
    [
      'gemini-1.0-pro-vision-001',
      /was retired by Google on 2025-04-21; its successor is gemini-3.5-flash, which costs /,
    ],
    ['gemini-pro-vision', /was retired by Google on 2025-04-21/],
    ['gemini-2.0-flash-thinking-exp-01-21', /was retired by Google on 2026-02-25/],
    ['gemini-2.5-flash-preview-09-2025', /was retired by Google on 2026-10-20; its successor is gemini-3.5-flash-lite/],
    [
      'gemini-2.5-pro-exp-03-25',
      /was retired by Google on 2026-10-20; its successor is gemini-3.5-flash, which costs /,
    ],
    ['gemini-2.5-flash-lite-preview-06-17', /its successor is gemini-3.1-flash-lite, which costs /],
    ['gemini-3.5-flash-preview-05-2026', /Did you mean gemini-3.5-flash\?/],
    ['gemini-3.5-flahs', /Did you mean gemini-3.5-flash\?/],
    ['gemni-3.5-flash', /gemni-3.5-flash is not a Gemini model. Did you mean gemini-3.5-flash\?/],
    ['Gemini-3.5-Flash-Lite', /Did you mean gemini-3.5-flash-lite\?/],
    ['3.5-flash-lite', /Did you mean gemini-3.5-flash-lite\?/],
    ['gemini-3.5-flash-light', /is not a model that imagery knows. Did you mean gemini-3.5-flash-lite\?/],
  ])('--model %s', (model, message) => {
    expect(refusal(signs, { model })).toMatch(message)
  })

  test('with what its successor costs, per token and per image', () => {
    const images = (low: string): string =>
      `; an image has 1,120 tokens instead of 258 per tile, or ${low} with --media-resolution low`
    expect(refusal(signs, { model: 'gemini-2.5-flash' })).toBe(
      `INVALID_FLAG: gemini-2.5-flash was retired by Google on 2026-10-20; its successor is gemini-3.5-flash-lite, which costs the same per token${images('280')}`,
    )
    expect(refusal(signs, { model: 'gemini-2.5-pro' })).toContain(
      'which costs 1.2 times as much per input token and 0.9 times per output token;',
    )
    expect(refusal(signs, { model: 'gemini-1.5-pro' })).toContain(
      'which costs $1.5 per million input tokens and $9 per million output tokens;',
    )
  })

  test('with what its successor costs in a price file', () => {
    const prices = file(
      'discount.yaml',
      'dated: 2026-11-30\nmodels: {gemini-3.5-flash-lite: {input: 0.15, output: 1.25}}\n',
    )
    expect(refusal(signs, { model: 'gemini-2.5-flash', prices })).toContain('which costs 0.5 times as much per token;')
  })

  test('also when its name is mistyped', () => {
    expect(refusal(signs, { model: 'gemini-2.5-flahs' })).toMatch(
      /gemini-2.5-flahs is not a model that imagery knows. Did you mean gemini-2.5-flash\? It was retired by Google on 2026-10-20; its successor is gemini-3.5-flash-lite, which costs the same/,
    )
  })

  test('in a profile, with the profile', () => {
    expect(refusal({ ...signs, model: 'gemini-2.0-flash' }, {})).toMatch(
      /gemini-2.0-flash, which profile road-signs names, was retired by Google/,
    )
    expect(chooseModel({ ...signs, model: 'gemini-2.0-flash' }, { model: 'gemini-3.5-flash' }).gemini?.model).toBe(
      'gemini-3.5-flash',
    )
  })

  test('but a pinned version of a served model is its model, with its price', () => {
    expect(chooseModel(signs, { model: 'gemini-3.5-flash-001' }).gemini).toMatchObject({
      model: 'gemini-3.5-flash-001',
      price: { input_nanousd: 1_500, output_nanousd: 9_000 },
    })
    const prices = file('own.yaml', 'dated: 2026-11-30\nmodels: {gemini-3.5-flash: {input: 1, output: 2}}\n')
    expect(chooseModel(signs, { model: 'gemini-3.5-flash-001', prices }).gemini?.price.input_nanousd).toBe(1_000)
  })

  test('but a proxy can serve it', () => {
    const flags = { model: 'gemini-2.5-flash', geminiEndpoint: 'http://127.0.0.1:9' }
    expect(chooseModel(signs, flags).gemini?.model).toBe('gemini-2.5-flash')
  })

  test('and a newer model than the table is accepted with its price', () => {
    const prices = file('newer.yaml', 'dated: 2026-11-30\nmodels: {gemini-3.9-flash: {input: 1, output: 2}}\n')
    expect(chooseModel(signs, { model: 'gemini-3.9-flash', prices }).gemini?.model).toBe('gemini-3.9-flash')
  })
})
