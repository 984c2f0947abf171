import { describe, expect, test } from 'vitest'
import { barRows, shortList } from '../../packages/viewer/src/app/charts/bar-rows.ts'
import { placeAfter } from '../../packages/viewer/src/app/gallery/placement.ts'
import { boxBetween, mercatorCorner } from '../../packages/viewer/src/app/map/box.ts'
import { degrees, graticuleOf } from '../../packages/viewer/src/app/map/graticule.ts'
import { planeOf } from '../../packages/viewer/src/app/map/plane.ts'
import { markAnswer, markColumn, setNote, setRightValue } from '../../packages/viewer/src/app/review/marking.ts'
import { parseOtherValue, parseRightValue } from '../../packages/viewer/src/app/review/right-value.ts'
import { cellAfter, columnsOf, rowsOf } from '../../packages/viewer/src/app/table/selection.ts'
import type { BarsChart } from '@imagery/viewer/contract/source'

const bars = (values: Record<string, number>, missing = 0, other = { rows: 0, values: 0 }): BarsChart => ({
  column: 'c',
  type: 'bars',
  bars: Object.entries(values).map(([value, rows]) => ({ value, rows })),
  missing,
  other,
})

describe('bars of filtered rows before those of all', () => {
  test('an enum keeps its order, and what the filter leaves out is 0', () => {
    expect(barRows(bars({ good: 4, fair: 2 }, 1), bars({ fair: 2 }), true)).toEqual([
      { value: 'good', rows: 0, allRows: 4 },
      { value: 'fair', rows: 2, allRows: 2 },
      { value: null, rows: 0, allRows: 1 },
    ])
  })

  test('a text with more values than fit shows those that the filter has most of, and claims no count it does not know', () => {
    const all = bars({ a: 50, b: 40 }, 0, { rows: 300, values: 200 })
    expect(barRows(all, bars({ z: 9, a: 3 }, 0, { rows: 5, values: 4 }), false)).toEqual([
      { value: 'z', rows: 9, allRows: null },
      { value: 'a', rows: 3, allRows: 50 },
    ])
  })
})

describe('a long list of bars', () => {
  const counts = { a: 1, b: 0, c: 9, d: 8, e: 0, f: 7, g: 6, h: 5, i: 4, j: 3, k: 2 }
  const rows = barRows(bars(counts, 10), bars(counts, 10), true)
  const names = (chosen: string[]) => shortList(rows, chosen).map(({ value }) => value)

  test('shows the values with the most rows at first, in the order of the column', () => {
    expect(names([])).toEqual(['c', 'd', 'f', 'g', 'h', 'i', 'j', null])
  })

  test('always shows the values of the filter', () => {
    expect(names(['b'])).toEqual(['b', 'c', 'd', 'f', 'g', 'h', 'i', 'j', null])
  })

  test('stays whole if it is hardly longer', () => {
    expect(shortList(rows.slice(0, 9), [])).toEqual(rows.slice(0, 9))
  })
})

describe('the map', () => {
  test('a box between two corners has its sides in order, and may cross the antimeridian', () => {
    expect(boxBetween({ lng: 2, lat: 5 }, { lng: -1, lat: 4 })).toEqual([-1, 4, 2, 5])
    expect(boxBetween({ lng: 170, lat: 0 }, { lng: 190, lat: 10 })).toEqual([170, 0, -170, 10])
    expect(boxBetween({ lng: -540, lat: -95 }, { lng: 20, lat: 95 })).toEqual([-180, -90, 180, 90])
    // MapLibre's map ends at 85.0511°, where it draws what is at the poles.
    const corners = [-85.0511287, 85.0511287, 85.0501].map((lat) => mercatorCorner({ lng: 1, lat }).lat)
    expect(corners).toEqual([-90, 90, 85.0501])
    expect(boxBetween({ lng: 350, lat: 1 }, { lng: 355, lat: 2 })).toEqual([-10, 1, -5, 2])
  })

  test('a graticule has few lines at even degrees', () => {
    const { longitudes, digits } = graticuleOf({ west: -122.52, south: 37.7, east: -122.35, north: 37.83 }, 1_000)
    expect(longitudes).toEqual([-122.52, -122.5, -122.48, -122.46, -122.44, -122.42, -122.4, -122.38, -122.36])
    expect(digits).toBe(2)
    expect(degrees(-122.5, 2, ['E', 'W'])).toBe('122.50° W')
    expect(degrees(190, 0, ['E', 'W'])).toBe('170° W')
    expect(degrees(0, 0, ['N', 'S'])).toBe('0°')
    expect(graticuleOf({ west: -540, south: -85, east: 540, north: 85 }, 1_000).longitudes.length).toBeLessThan(40)
    // On a phone, a label of each line has its place beside the next one.
    const phone = { west: -105.29, south: 39.98, east: -105.25, north: 40.03 }
    expect(graticuleOf(phone, 360).longitudes).toEqual([-105.29, -105.28, -105.27, -105.26, -105.25])
    expect(graticuleOf({ ...phone, east: -105.251 }, 300).longitudes).toEqual([-105.28, -105.26])
  })

  test('a still map fits all assets, also across the antimeridian, and gives places back', () => {
    const plane = planeOf([179, -1, -179, 1], { width: 400, height: 300 })
    const [east] = plane.place(-179, 0)
    const [west] = plane.place(179, 0)
    expect(west).toBeGreaterThanOrEqual(24)
    expect(east).toBeLessThanOrEqual(376)
    expect(east).toBeGreaterThan(west)
    const back = plane.location(...plane.place(179.5, 0.25))
    expect([back.lng, back.lat]).toEqual([expect.closeTo(179.5), expect.closeTo(0.25)])
    expect(planeOf([5, 5, 5, 5], { width: 400, height: 300 }).place(5, 5)).toEqual([200, 150])
  })
})

describe('keys', () => {
  test('move in the gallery and stay in it', () => {
    expect(['ArrowDown', 'ArrowLeft', 'End', 'PageDown', 'x'].map((key) => placeAfter(key, 0, 4, 3, 10))).toEqual([
      4,
      0,
      9,
      9,
      undefined,
    ])
  })

  test('move in the table and stay in it', () => {
    const size = { row: 10, column: 3 }
    expect(cellAfter('ArrowDown', false, { row: -1, column: 0 }, 5, size)).toEqual({ row: 0, column: 0 })
    expect(cellAfter('PageDown', false, { row: 7, column: 2 }, 5, size)).toEqual({ row: 9, column: 2 })
    expect(cellAfter('End', true, { row: 0, column: 0 }, 5, size)).toEqual({ row: 9, column: 2 })
    expect(cellAfter('a', false, { row: 0, column: 0 }, 5, size)).toBeUndefined()
    const back = { anchor: { row: 5, column: 2 }, focus: { row: 3, column: 0 } }
    expect([rowsOf(back), columnsOf(back)]).toEqual([
      { first: 3, last: 5 },
      { first: 0, last: 2 },
    ])
  })
})

describe('a mark', () => {
  const now = new Date('2026-11-30T12:00:00Z')
  const marked_at = '2026-11-30T12:00:00.000Z'

  test('of a column knows the other value of a boolean, and goes when nothing is left of it', () => {
    const wrong = markColumn(null, 'u', { column: 'leans', verdict: 'wrong', value: false }, now)
    expect(wrong).toEqual({
      unit_id: 'u',
      verdict: null,
      columns: { leans: { verdict: 'wrong', right_value: true } },
      note: '',
      marked_at,
    })
    expect(markColumn(wrong, 'u', { column: 'leans', verdict: 'right', value: false }, now)?.columns).toEqual({
      leans: { verdict: 'right' },
    })
    expect(markColumn(wrong, 'u', { column: 'leans', verdict: null, value: false }, now)).toBeNull()
  })

  test('of the whole answer keeps what is said about columns, and a note alone is a mark', () => {
    const column = setRightValue(null, 'u', 'condition', null, now)
    const whole = markAnswer(column, 'u', 'unsure', now)
    expect(whole).toMatchObject({ verdict: 'unsure', columns: { condition: { verdict: 'wrong', right_value: null } } })
    expect(markAnswer(setNote(null, 'u', 'dark', now), 'u', null, now)).toMatchObject({ verdict: null, note: 'dark' })
    expect(setNote(null, 'u', '', now)).toBeNull()
  })

  const column = { kind: 'number' as const, is_integer: false, allowed: null }
  test.each([
    ['12.5', column, { value: 12.5 }],
    [' -3e2 ', column, { value: -300 }],
    ['12,5', column, { fault: expect.any(String) }],
    ['', column, { fault: expect.any(String) }],
    ['Infinity', column, { fault: expect.any(String) }],
    ['9007199254740995', { ...column, is_integer: true }, { value: '9007199254740995' }],
    ['1.5', { ...column, is_integer: true }, { fault: expect.any(String) }],
    ['poor', { ...column, kind: 'enum' as const, allowed: ['good'] }, { fault: expect.any(String) }],
    ['', { ...column, kind: 'text' as const }, { value: '' }],
    ['2026-03-14T10:00:00+01:00', { ...column, kind: 'time' as const }, { value: '2026-03-14T09:00:00.000Z' }],
    ['["a"]', { ...column, kind: 'other' as const }, { value: ['a'] }],
    ['[a]', { ...column, kind: 'other' as const }, { fault: expect.any(String) }],
  ])('reads the right value %j as its column needs it', (text, kind, parsed) => {
    expect(parseRightValue(text, kind)).toEqual(parsed)
  })

  test('takes no right value that is the wrong one', () => {
    const words = { ...column, kind: 'text' as const }
    expect(parseOtherValue('Main St', words, 'Main St')).toEqual({ fault: expect.stringContaining('marked as wrong') })
    expect(parseOtherValue('Main Street', words, 'Main St')).toEqual({ value: 'Main Street' })
    expect(parseOtherValue(' 12.50', { ...column, kind: 'number' }, 12.5)).toHaveProperty('fault')
    expect(parseOtherValue('["a"]', { ...column, kind: 'other' }, ['a', 'b'])).toEqual({ value: ['a'] })
  })
})
