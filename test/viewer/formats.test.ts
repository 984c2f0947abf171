import { describe, expect, test, vi } from 'vitest'
import { consoleLink } from '../../packages/viewer/src/app/detail/console-link.ts'
import { duration, number, percentOf, shortCount, usd } from '../../packages/viewer/src/app/format/numbers.ts'
import { CATEGORIES, sequential } from '../../packages/viewer/src/app/format/palettes.ts'
import { shortText } from '../../packages/viewer/src/contract/short-text.ts'
import { minute, timeText } from '../../packages/viewer/src/app/format/times.ts'
import { tsv, tsvCell } from '../../packages/viewer/src/app/format/tsv.ts'

describe('figures', () => {
  test.each([
    [0, '0'],
    [1234567, '1,234,567'],
    [0.0123456, '0.01235'],
    [1234.567, '1,234.6'],
    [-0.5, '-0.5'],
    [1.23e-9, '1.23e-9'],
    [1e21, '1.00e21'],
    [Number.NaN, 'NaN'],
  ])('number %d is %s', (value, text) => expect(number(value)).toBe(text))

  test.each([
    [0, '$0'],
    [12.3, '$12.30'],
    [1234.567, '$1,234.57'],
    [0.008, '$0.0080'],
    [0.00041, '$0.00041'],
  ])('%d US dollars are %s', (value, text) => expect(usd(value)).toBe(text))

  test.each([
    [0, '0%'],
    [1, '100%'],
    [0.0004, '<0.1%'],
    [0.9996, '>99.9%'],
    [0.992, '99.2%'],
    [0.095, '9.5%'],
    [0.5, '50%'],
  ])('share %d is %s, so that only none is 0 % and only all is 100 %', (share, text) =>
    expect(percentOf(share)).toBe(text),
  )

  test.each([
    [840, '840 ms'],
    [3210, '3.2 s'],
    [125_000, '2 min 5 s'],
    [999.6, '1.0 s'],
    [9960, '10 s'],
    [59_900, '1 min 0 s'],
    [119_900, '2 min 0 s'],
    [11_520_000, '3 h 12 min'],
  ])('%d milliseconds are %s', (value, text) => expect(duration(value)).toBe(text))

  test('large counts are short where there is no room', () => {
    expect([999, 9999, 12_345, 1_234_567].map(shortCount)).toEqual(['999', '9,999', '12.3K', '1.2M'])
  })

  test('times are in UTC, and what is no time stays', () => {
    expect(minute(Date.UTC(2026, 2, 14, 9, 5))).toBe('2026-03-14 09:05')
    expect(timeText('2026-03-14T10:05:00+01:00')).toBe('2026-03-14 09:05 UTC')
    expect(timeText('soon')).toBe('soon')
  })

  test('days and times without a zone are the same in every zone', () => {
    vi.stubEnv('TZ', 'America/New_York')
    expect(new Date('2026-03-14T09:05:00').getUTCHours()).toBe(13)
    expect(timeText('2026-03-14T09:05:07')).toBe('2026-03-14 09:05')
    expect(timeText('2026-03-14 09:05:07.123456')).toBe('2026-03-14 09:05')
    expect(timeText('0801-03-14')).toBe('0801-03-14')
    expect(timeText('0801-03-14T09:05:00Z')).toBe('0801-03-14 09:05 UTC')
    vi.unstubAllEnvs()
  })
})

test('a long ID keeps its end, which tells it from others, and no letter is cut in two', () => {
  expect(shortText('t1:0edee8336f37d03e425f8dd02594c694/o1:8ce636d5', 20)).toBe('t1:0ede…/o1:8ce636d5')
  expect(shortText('pole-1', 20)).toBe('pole-1')
  expect(shortText('😀'.repeat(9), 5)).toBe('😀😀…😀😀')
})

describe('text for a spreadsheet', () => {
  test.each([
    '=1+1',
    '+cmd',
    '-cmd',
    '@SUM(A1)',
    '  =1',
    '\t=1',
    '\r\n=1',
    '＝1+1',
    '\u200b=1',
    '\u0000=1',
    '\u00a0@A1',
  ])('%j is no formula', (text) => expect(tsvCell(text)).toMatch(/^'/))

  test.each(['-12.5', '+3', '1e-7', 'a=b', 'pole-1', ''])('%j stays as it is', (text) =>
    expect(tsvCell(text)).toBe(text),
  )

  test('quotes a cell that starts with a quote, which would hide a formula and join cells', () => {
    expect(tsvCell('"=1+1"')).toBe('"""=1+1"""')
    expect(tsv([['"no end', 'next']])).toBe('"""no end"\tnext')
    expect(tsvCell('5" pipe')).toBe('5" pipe')
  })

  test('has one line per row', () => {
    expect(tsv([['a', 'b\tc'], ['d\ne', '']])).toBe('a\tb c\nd e\t') // prettier-ignore
  })
})

test.each([
  ['https://console.cloud.google.com/storage/browser/_details/b/o', true],
  ['http://console.cloud.google.com/', false],
  ['https://console.cloud.google.com.evil.example/', false],
  ['https://console.cloud.google.com@evil.example/', false],
  ['https://me:pw@console.cloud.google.com/', false],
  ['https://console.cloud.google.com:8443/', false],
  ['javascript:alert(1)//https://console.cloud.google.com/', false],
  ['//console.cloud.google.com/', false],
])('a link to %s is followed: %s', (address, isFollowed) => {
  expect(consoleLink(address)).toBe(isFollowed ? address : null)
})

/** Relative luminance as WCAG defines it: https://www.w3.org/TR/WCAG21/#dfn-relative-luminance */
function luminance(color: string): number {
  const channels = [...color.matchAll(/\d+/g)].map(([digits]) => Number(digits) / 255)
  const [red = 0, green = 0, blue = 0] = channels.map((channel) =>
    channel <= 0.03928 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4,
  )
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue
}

test('colors of numbers get lighter from low to high, so that they read without hue; those of values are all different', () => {
  const steps = Array.from({ length: 101 }, (_, index) => luminance(sequential(index / 100)))
  expect(steps.every((step, index) => index === 0 || step >= (steps[index - 1] ?? 0))).toBe(true)
  expect(sequential(-1)).toBe(sequential(0))
  expect(sequential(2)).toBe(sequential(1))
  expect(new Set(CATEGORIES).size).toBe(CATEGORIES.length)
})
