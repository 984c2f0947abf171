import { expect, test, vi } from 'vitest'
import type { ViewedColumn } from '@imagery/viewer/contract/columns'
import { colorFunction, coloringOf } from '../../packages/viewer/src/app/map/coloring.ts'
import { CATEGORIES, NOTHING, OTHER, sequential } from '../../packages/viewer/src/app/format/palettes.ts'

const column: ViewedColumn = {
  name: 'category',
  kind: 'enum',
  role: 'answer',
  is_integer: false,
  description: null,
  allowed: null,
}

test('colors go to the most common values that rows have, in the order of the chart', () => {
  // Two values without rows come first, and there is one value more than there are colors.
  const counts = [0, 0, ...CATEGORIES.map((_, index) => index + 2), 1]
  const bars = counts.map((rows, index) => ({ value: `v${index}`, rows }))
  const coloring = coloringOf(column, {
    type: 'bars',
    column: 'category',
    bars,
    missing: 3,
    other: { rows: 0, values: 0 },
  })
  const color = colorFunction(coloring)
  expect(bars.slice(2, 2 + CATEGORIES.length).map(({ value }) => color(value))).toEqual([...CATEGORIES])
  expect([color('v0'), color(bars.at(-1)!.value), color(null)]).toEqual([OTHER, OTHER, NOTHING])
  expect(coloring).toMatchObject({ hasOther: true })
})

/** The color of each value on the scale of a chart from `min` to `max`. */
function scaleColors(
  kind: 'number' | 'time',
  [min, max]: [number, number],
  values: (string | number | null)[],
): string[] {
  const chart = {
    type: 'histogram' as const,
    column: 'budget',
    bins: [],
    missing: 0,
    min,
    max,
    mean: null,
    median: null,
  }
  return values.map(colorFunction(coloringOf({ ...column, kind }, chart)))
}

test('numbers that come as text have their color, and those that are not finite none', () => {
  const values = ['12.5', '25', 0, '9007199254740993', 'NaN', 'Infinity', null]
  const at = [0.5, 1, 0].map(sequential)
  expect(scaleColors('number', [0, 25], values.slice(0, 3))).toEqual(at)
  expect(scaleColors('number', [0, 2 ** 54], values.slice(3))).toEqual([sequential(0.5), NOTHING, NOTHING, NOTHING])
})

test('times without a zone have the same color in every zone', () => {
  vi.stubEnv('TZ', 'America/New_York')
  const [min, max] = [Date.UTC(2026, 2, 14), Date.UTC(2026, 2, 15)]
  const values = ['2026-03-14T00:00:00', '2026-03-14 12:00:00', '2026-03-15', '2026-03-14T12:00:00.000Z']
  expect(scaleColors('time', [min, max], values)).toEqual([0, 0.5, 1, 0.5].map(sequential))
  vi.unstubAllEnvs()
})
