import { describe, expect, test } from 'vitest'
import { queueName, runObjectsPrefix, runTables, subscriptionName, topicName } from '../../src/contracts/names.ts'
import { newRunId, RUN_ID_PATTERN } from '../../src/contracts/run-id.ts'

const place = { projectId: 'my-project', region: 'us-central1' }

describe('a run id', () => {
  test('begins with the UTC day', () => {
    const runId = newRunId(new Date('2026-11-23T23:30:00-02:00'))
    expect(runId).toMatch(RUN_ID_PATTERN)
    expect(runId.slice(0, 7)).toBe('261124-')
  })

  test.each([
    '',
    '261123',
    '261123-9f3c1a7',
    '261123-9F3C1A7B',
    '261123-9f3c1a7b/..',
    '261123-9f3c1a7b\n',
    '../261123-9f3c1a7b',
    '*',
  ])('is not %o, and no name is built from it', (bad) => {
    expect(() => queueName(place, bad)).toThrow(RangeError)
    expect(() => topicName(place, bad)).toThrow(RangeError)
    expect(() => subscriptionName(place, bad)).toThrow(RangeError)
    expect(() => runObjectsPrefix(bad)).toThrow(RangeError)
    expect(() => runTables({ projectId: 'p', dataset: 'd', profile: 'resolution', runId: bad })).toThrow(RangeError)
  })
})

test('two runs with the same output share only that table', () => {
  const tables = (runId: string) =>
    runTables({ projectId: 'p', dataset: 'd', profile: 'resolution', runId, output: 'signs' })
  const { results, ...scratch } = tables('261123-9f3c1a7b')
  const { results: otherResults, ...otherScratch } = tables('261123-00000000')
  expect([results, otherResults]).toEqual(['signs', 'signs'])
  const names = ({ assets, attempts, live, source }: typeof scratch) => [assets, attempts, live, source]
  expect(new Set([...names(scratch), ...names(otherScratch)]).size).toBe(8)
})
