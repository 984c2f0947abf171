import { expect, test } from 'vitest'
import type { ViewedColumn } from '@imagery/viewer/contract/columns'
import { colorFunction, coloringOf } from '../../packages/viewer/src/app/map/coloring.ts'
import { CATEGORIES, NOTHING, OTHER } from '../../packages/viewer/src/app/format/palettes.ts'

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
