import { expect, test } from 'vitest'
import { pendingText } from '../../src/contracts/run-report.ts'

test.each([
  [1, 1, '1 of 1 asset is pending'],
  [1, 3, '1 of 3 assets is pending'],
  [1_200, 20_000, '1,200 of 20,000 assets are pending'],
])('%d pending of %d is said with the right verb', (pending, total, text) => {
  expect(pendingText({ pending, total })).toBe(text)
})
