import { wilson } from '@imagery/viewer/contract/wilson'
import { describe, expect, test } from 'vitest'
import { classScores, macroScores } from '../../../src/services/judge/class-scores.ts'
import { cohensKappa } from '../../../src/services/judge/kappa.ts'
import { mcnemar } from '../../../src/services/judge/mcnemar.ts'
import { isWithin, NumberDifferences } from '../../../src/services/judge/number-errors.ts'
import reference from './reference/reference.json' with { type: 'json' }

const cells = (table: readonly (readonly number[])[]) =>
  table.flatMap((row, a) => row.map((count, b) => ({ a: String(a), b: String(b), count })))

const pairs = (truth: readonly string[], answers: readonly string[]) =>
  truth.map((value, index) => ({ truth: value, answer: answers[index]!, count: 1 }))

const classesOf = (truth: readonly string[], answers: readonly string[]) =>
  [...new Set([...truth, ...answers])].toSorted()

describe('figures of the literature', () => {
  /** R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3 (score, without continuity correction). */
  test.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])("Wilson's interval of %i of %i is Newcombe's", (part, whole, low, high) => {
    const found = wilson(part, whole)!
    expect([found.low.toFixed(4), found.high.toFixed(4)]).toEqual([low.toFixed(4), high.toFixed(4)])
    expect(found.estimate).toBe(part / whole)
  })

  /** J. L. Fleiss, Statistical Methods for Rates and Proportions, 2nd edition (1981), table 13.1: kappa = .68. */
  test("kappa is that of Fleiss' 100 diagnoses by two raters", () => {
    const table = [
      [75, 1, 4],
      [5, 4, 1],
      [0, 0, 10],
    ]
    expect(cohensKappa(cells(table))!.toFixed(2)).toBe('0.68')
  })

  /** The example of scikit-learn's classification_report, https://scikit-learn.org/stable/modules/generated/sklearn.metrics.classification_report.html */
  test("precision, recall and F1 are those of scikit-learn's example", () => {
    const truth = ['0', '1', '2', '2', '2']
    const answers = ['0', '0', '2', '2', '1']
    const scores = classScores(classesOf(truth, answers), pairs(truth, answers))
    const shown = scores.map(({ precision, recall, f1 }) => [precision, recall, f1].map((each) => each!.toFixed(2)))
    expect(shown).toEqual([
      ['0.50', '1.00', '0.67'],
      ['0.00', '0.00', '0.00'],
      ['1.00', '0.67', '0.80'],
    ])
    const macro = macroScores(scores)!
    expect([macro.precision, macro.recall, macro.f1].map((each) => each.toFixed(2))).toEqual(['0.50', '0.56', '0.49'])
  })

  /**
   * A. Agresti, Categorical Data Analysis, 2nd edition (2002), section 10.1: of 1,600 people, 150 stopped to approve of the
   * prime minister, and 86 began to. Agresti's z² is (86 - 150)² / 236 = 17.36, whose probability is 3.1e-5.
   */
  test("McNemar's test of Agresti's approval ratings is the exact one near that approximation", () => {
    const { method, p_value: probability } = mcnemar(86, 150)
    expect(method).toBe('exact')
    expect(probability).toBeCloseTo(3.7159e-5, 9)
  })
})

describe('figures of an independent program', () => {
  test.each(reference.wilson)("Wilson's interval of $part of $whole", ({ part, whole, low, high }) => {
    const found = wilson(part, whole)!
    expect(found.low).toBeCloseTo(low, 12)
    expect(found.high).toBeCloseTo(high, 12)
  })

  test.each(reference.kappa)('kappa of $table', ({ table, kappa }) => {
    expect(cohensKappa(cells(table))).toBeCloseTo(kappa, 12)
  })

  test.each(reference.mcnemar)("McNemar's test of $a and $b", ({ a, b, p_value: probability, ...expected }) => {
    const found = mcnemar(a, b)
    expect(found.method).toBe(expected.method)
    if (expected.statistic === null) expect(found.statistic).toBeNull()
    else expect(found.statistic).toBeCloseTo(expected.statistic, 10)
    // Relative to the value, because some are tiny.
    const error = Math.abs(found.p_value - probability) / Math.max(probability, Number.MIN_VALUE)
    expect(probability < 1e-300 ? found.p_value < 1e-300 : error < 1e-10).toBe(true)
  })

  test.each(reference.scores)('precision, recall and F1 of $answers', ({ truth, answers, classes, macro }) => {
    const scores = classScores(classesOf(truth, answers), pairs(truth, answers))
    for (const [index, expected] of classes.entries()) {
      expect(scores[index]!.value).toBe(expected.value)
      for (const key of ['precision', 'recall', 'f1'] as const)
        expect(scores[index]![key] ?? 0).toBeCloseTo(expected[key], 12)
    }
    const found = macroScores(scores)!
    for (const key of ['precision', 'recall', 'f1'] as const) expect(found[key]).toBeCloseTo(macro[key], 12)
  })
})

describe('figures at the ends', () => {
  test('there is no figure without a count', () => {
    expect(wilson(0, 0)).toBeNull()
    expect(cohensKappa([])).toBeNull()
    expect(macroScores(classScores(['a'], []))).toBeNull()
    expect(new NumberDifferences().errors).toBeNull()
    expect(mcnemar(0, 0)).toEqual({ method: 'exact', statistic: null, p_value: 1 })
  })

  test('a share of 0 or 1 has a bound exactly there, and an interval of some width', () => {
    for (const whole of [1, 3, 7, 1_000_000]) {
      expect(wilson(0, whole)!.low).toBe(0)
      expect(wilson(whole, whole)!.high).toBe(1)
      expect(wilson(0, whole)!.high).toBeGreaterThan(0)
      expect(wilson(whole, whole)!.low).toBeLessThan(1)
    }
  })

  test('kappa is 1 for full agreement, and not defined if both say the same one thing', () => {
    expect(
      cohensKappa([
        { a: 'x', b: 'x', count: 3 },
        { a: 'y', b: 'y', count: 1 },
      ]),
    ).toBe(1)
    expect(cohensKappa([{ a: 'x', b: 'x', count: 3 }])).toBeNull()
    expect(cohensKappa([{ a: 'x', b: 'y', count: 3 }])).toBe(0)
  })

  test('an answer that is none counts against recall, and against the precision of no class', () => {
    const scores = classScores(
      ['a', 'b', 'c'],
      [
        { truth: 'a', answer: 'a', count: 3 },
        { truth: 'a', answer: null, count: 1 },
      ],
    )
    expect(scores).toEqual([
      { value: 'a', truth: 4, answered: 3, right: 3, precision: 1, recall: 0.75, f1: 6 / 7 },
      { value: 'b', truth: 0, answered: 0, right: 0, precision: null, recall: null, f1: null },
      { value: 'c', truth: 0, answered: 0, right: 0, precision: null, recall: null, f1: null },
    ])
    // Classes that neither the truth nor the answers have are no part of a mean.
    expect(macroScores(scores)).toEqual({ precision: 1, recall: 0.75, f1: 6 / 7 })
  })

  test.each([
    [0.3, 0.1, { amount: 0.2, isShare: false }, true],
    [0.300_001, 0.1, { amount: 0.2, isShare: false }, false],
    [105, 100, { amount: 0.05, isShare: true }, true],
    [106, 100, { amount: 0.05, isShare: true }, false],
    [-105, -100, { amount: 0.05, isShare: true }, true],
    [0, 0, { amount: 0.05, isShare: true }, true],
    [1, 0, { amount: 0.05, isShare: true }, false],
    [3, 3, { amount: 0, isShare: false }, true],
    [4, 3, { amount: 0, isShare: false }, false],
  ])('an answer of %d for a true %d with tolerance %o is right: %s', (answer, truth, tolerance, isRight) => {
    expect(isWithin(answer, truth, tolerance)).toBe(isRight)
  })

  test('differences have a mean, a mean without signs, a root mean square and a largest', () => {
    const differences = new NumberDifferences()
    for (const each of [3, -4, 0, 5]) differences.add(each)
    expect(differences.errors).toEqual({
      units: 4,
      mean: 1,
      mean_absolute: 3,
      root_mean_square: Math.sqrt(12.5),
      largest: 5,
    })
  })
})
