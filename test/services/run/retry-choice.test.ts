import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CAUSES } from '../../../src/contracts/causes.ts'
import { ImageryError } from '../../../src/contracts/errors.ts'
import type { RunReport } from '../../../src/contracts/run-report.ts'
import { runHashes, type RunSpec } from '../../../src/contracts/run-spec.ts'
import { chooseRetry, failedUnits, parseCauses } from '../../../src/services/run/retry.ts'
import { SPEC } from '../../runtime/fixtures.ts'
import { geminiSpec } from '../../runtime/gemini-fixtures.ts'

test.each([
  [undefined, CAUSES],
  ['schema', ['schema']],
  ['timeout, throttled', ['throttled', 'timeout']],
])('--only %s is %j', (only, causes) => {
  expect(parseCauses(only)).toEqual(causes)
})

test.each(['nonsense', 'schema,', 'throttled timeout', ''])('--only %j is refused', (only) => {
  expect(() => parseCauses(only)).toThrow(ImageryError)
})

describe('a retry', () => {
  test("repeats the run's request by default", () => {
    expect(chooseRetry(geminiSpec(), {})).toEqual({ causes: CAUSES, overrides: undefined })
  })

  test('carries another model with its price, and another resolution', () => {
    expect(
      chooseRetry(geminiSpec(), { only: 'truncated', model: 'gemini-3.5-flash', mediaResolution: 'high' }),
    ).toEqual({
      causes: ['truncated'],
      overrides: {
        model: 'gemini-3.5-flash',
        price: { input_nanousd: 1_500, output_nanousd: 9_000 },
        media_resolution: 'high',
      },
    })
  })

  test("counts the price that --prices gives for the run's own model, and else that of the run", () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'imagery-retry-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const prices = path.join(folder, 'prices.yaml')
    const { model } = geminiSpec().gemini!
    writeFileSync(prices, `dated: 2026-11-30\nmodels: {${model}: {input: 7, output: 9}}\n`)
    const price = { input_nanousd: 7_000, output_nanousd: 9_000 }
    expect(chooseRetry(geminiSpec(), { prices }).overrides).toEqual({ price })
    expect(chooseRetry(geminiSpec({ price }), { prices }).overrides).toBeUndefined()
    expect(chooseRetry(geminiSpec(), { prices, mediaResolution: 'low' }).overrides).toEqual({
      price,
      media_resolution: 'low',
    })
    writeFileSync(prices, 'dated: 2026-11-30\nmodels: {gemini-9: {input: 1, output: 2}}\n')
    expect(chooseRetry(geminiSpec({ price }), { prices }).overrides).toBeUndefined()
    expect(chooseRetry(SPEC, { prices }).overrides).toBeUndefined()
  })

  test('of a run whose model has retired since names the successor and the command', () => {
    const retired = geminiSpec({ model: 'gemini-2.5-flash' })
    expect(() => chooseRetry(retired, { only: 'schema, timeout' }, ' --local')).toThrow(
      expect.objectContaining({
        code: 'NOT_AVAILABLE',
        message: expect.stringMatching(
          /gemini-2.5-flash, the model of run .* successor is gemini-3.5-flash-lite, which costs the same/,
        ),
        suggestions: [`imagery retry ${retired.run_id} --only schema,timeout --model gemini-3.5-flash-lite --local`],
      }),
    )
    expect(() => chooseRetry(retired, { mediaResolution: 'high' })).toThrow(/retired by Google/)
    expect(chooseRetry(retired, { model: 'gemini-3.5-flash' }).overrides).toMatchObject({ model: 'gemini-3.5-flash' })
    const proxy = geminiSpec({ model: 'gemini-2.5-flash', endpoint: 'http://127.0.0.1:9/' })
    expect(chooseRetry(proxy, {}).overrides).toBeUndefined()
  })

  test.each([
    ['a run that was measured', SPEC, { model: 'gemini-3.5-flash' }, /used the pixels model/],
    ['a model that is none', geminiSpec(), { model: 'pixels' }, /is not a Gemini model/],
    ['a model without the run’s tier', geminiSpec({ tier: 'flex' }), { model: 'gemini-2.5-flash' }, /has no flex tier/],
    [
      'a retired model',
      geminiSpec(),
      { model: 'gemini-2.5-flash' },
      /retired by Google .* successor is gemini-3.5-flash-lite/,
    ],
    ['a typo', geminiSpec(), { model: 'gemni-3.5-flash' }, /Did you mean gemini-3.5-flash\?/],
    ['a model without a price', geminiSpec(), { model: 'gemini-9' }, /no price for gemini-9/],
  ] as const)('of %s is refused', (_what, spec, options, message) => {
    expect(() => chooseRetry(spec, options)).toThrow(message)
  })
})

describe('failed units', () => {
  const report = {
    run_id: 'r',
    state: 'complete',
    units: { total: 9, ok: 4, failed: 5, pending: 0 },
    causes: { schema: 3, timeout: 2 },
  } as RunReport

  test('are counted by cause', () => {
    expect([
      failedUnits(report, CAUSES, ''),
      failedUnits(report, ['schema'], ''),
      failedUnits(report, ['blocked'], ''),
    ]).toEqual([5, 3, 0])
  })

  test('are unknown while units are pending', () => {
    const running = { ...report, state: 'running', units: { ...report.units, pending: 1 } } as RunReport
    expect(() => failedUnits(running, CAUSES, ' --local')).toThrow(
      expect.objectContaining({ code: 'RUN_NOT_COMPLETE' }),
    )
  })
})

describe('a run’s hashes', () => {
  const changed = (change: Partial<RunSpec>): string[] => {
    const before = runHashes(geminiSpec())
    const after = runHashes({ ...geminiSpec(), ...change })
    return Object.keys(before).filter(
      (part) => before[part as keyof typeof before] !== after[part as keyof typeof after],
    )
  }
  const { profile, source } = geminiSpec()

  test.each<[string, Partial<RunSpec>, string[]]>([
    ['nothing', {}, []],
    ['the prompt', { profile: { ...profile, prompt: 'Else?' } }, ['prompt']],
    [
      'a column',
      { profile: { ...profile, output: { type: 'object', properties: { a: { type: 'string' } } } } },
      ['schema'],
    ],
    [
      'a column’s description',
      { profile: { ...profile, output: { ...profile.output, description: 'x' } } },
      ['schema'],
    ],
    ['the query', { source: { ...source, query: 'SELECT 2' } }, ['source']],
    ['the file', { source: { ...source, file_hash: 'x' } }, ['source']],
    ['the unit', { unit: 'observation' }, ['source']],
    ['what is said of the profile', { profile: { ...profile, description: 'Else.' } }, []],
  ])('show that %s has changed', (_what, change, parts) => {
    expect(changed(change)).toEqual(parts)
  })
})
