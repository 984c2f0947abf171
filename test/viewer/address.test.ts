import { describe, expect, test } from 'vitest'
import {
  toggleValue,
  withCondition,
  withoutCondition,
  withSearch,
} from '../../packages/viewer/src/app/state/filters.ts'
import { formatState, parseState, START, type ViewState } from '../../packages/viewer/src/app/state/view-state.ts'

const FULL: ViewState = {
  screen: 'map',
  filter: [
    { column: 'condition', is: ['good', '', null, 'a=b&c#d?e%"\\', 'is.x'] },
    { column: 'leans', is: [true, false] },
    { column: 'count', is: [3, -0.5, '9007199254740995'] },
    { column: 'a.b.c', from: 0.1, to: 12, closed: true },
    { column: 'height', from: null, to: 1e21 },
    { column: 'reason', contains: '=1+1 & <b>' },
    { search: '50 % + 1' },
    { box: [179.5, -90, -179.5, 90] },
    { review: ['wrong', 'none'] },
  ],
  sort: { column: '-odd', descending: true },
  color: '',
  columns: ['reason', 'a,b', 'ü'],
  unit: 'pole/1?x=#2',
  among: [{ column: 'unit_id', is: ['pole/1?x=#2', 'pole&2'] }, { search: 'pole' }],
  at: 17,
  plan: { size: 50, strata: 'condition', seed: 'a"b', unmarked_only: false },
}

describe('the address of a page', () => {
  test('holds the whole state', () => {
    expect(parseState(formatState(FULL))).toEqual(FULL)
    expect(parseState(formatState({ ...FULL, among: [] }))).toEqual({ ...FULL, among: [] })
    expect(parseState(formatState(START))).toEqual(START)
    expect(formatState(START)).toBe('#overview')
  })

  test.each([
    '',
    '#',
    '#nowhere?sort=&at=-1&unit',
    '#overview?is.a=good&is.b=[]&is.c={}&is.d=[{}]&is.=[1]&range.e=[null,null]&range.f=["1",2]&range.g=[1e999,2]',
    '#overview?box=[1,2,3]&box=[1,2,3,"4"]&review=[]&review=["maybe"]&contains.x=&search=&unknown.y=[1]',
    '#overview?draw={"size":0}&draw=x&at=99999999999&sort=height',
  ])('that was cut off or typed wrong shows what it can: %s', (hash) => {
    expect(parseState(hash)).toEqual(START)
  })

  test('keeps the conditions that can be read beside those that cannot', () => {
    expect(parseState('#table?is.a=[1&is.b=[2]&search=pole').filter).toEqual([
      { column: 'b', is: [2] },
      { search: 'pole' },
    ])
  })
})

describe('a filter', () => {
  test('has one condition of each subject, in the order in which they came', () => {
    const first = toggleValue([], 'condition', 'good')
    const both = withCondition(toggleValue(first, 'condition', null), { column: 'height', from: 1, to: 2 })
    expect(both).toEqual([
      { column: 'condition', is: ['good', null] },
      { column: 'height', from: 1, to: 2 },
    ])
    expect(withCondition(both, { column: 'condition', is: ['poor'] })[0]).toEqual({ column: 'condition', is: ['poor'] })
    expect(toggleValue(toggleValue(both, 'condition', 'good'), 'condition', null)).toEqual([both[1]])
    expect(withoutCondition(both, { column: 'height', from: null, to: null })).toEqual([both[0]])
    expect(withSearch(withSearch(both, 'a'), '')).toEqual(both)
  })
})
