import { expect, test } from 'vitest'
import { bytesText } from '../../src/contracts/bytes-text.ts'
import { counted, countText } from '../../src/contracts/count-text.ts'

const NUMBERS = [1.65, -1.65, 1.005, 0, 7, -7, 999, 1_000, 12_345, 999_999, 1_000_000, -1_234, 0.5, 1_234.5678, 99.9996]

test.each(NUMBERS)('%d is written as the JavaScript engine writes it in English', (number) => {
  expect(countText(number)).toBe(number.toLocaleString('en'))
  expect(countText(number, 1)).toBe(number.toLocaleString('en', { maximumFractionDigits: 1 }))
})

test('a noun follows its number', () => {
  expect([1, 0, 2_000].map((count) => counted(count, 'row'))).toEqual(['1 row', '0 rows', '2,000 rows'])
})

test('bytes have the unit that suits them, and at most one decimal', () => {
  expect([512, 5_100, 1_000_000, 5_060_000_000].map(bytesText)).toEqual(['0.5 kB', '5.1 kB', '1 MB', '5.1 GB'])
})
