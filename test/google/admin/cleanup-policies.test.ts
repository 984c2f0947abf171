import { describe, expect, test } from 'vitest'
import { isRetaining, type Repository } from '../../../src/google/admin/artifact-registry.ts'

const RETENTION = { newest: 5, days: 30 }

const DELETE_OLD = {
  id: 'imagery-delete-old',
  action: 'DELETE',
  condition: { tagState: 'ANY', olderThan: '2592000s' },
}
const KEEP_NEWEST = { id: 'imagery-keep-newest', action: 'KEEP', mostRecentVersions: { keepCount: 5 } }

const repository = (changes: object): Repository => ({
  name: 'projects/p/locations/us-central1/repositories/imagery',
  cleanupPolicies: { 'imagery-delete-old': DELETE_OLD, 'imagery-keep-newest': KEEP_NEWEST, ...changes },
})

describe('a repository', () => {
  test.each([
    ['has its policies as they were sent', {}],
    ['has another policy next to them', { theirs: { id: 'theirs', action: 'DELETE', condition: {} } }],
    [
      'writes them in another form',
      {
        'imagery-delete-old': {
          ...DELETE_OLD,
          condition: { olderThan: '2592000.000s', tagPrefixes: [], versionNamePrefixes: [] },
        },
        'imagery-keep-newest': { ...KEEP_NEWEST, mostRecentVersions: { keepCount: 5, packageNamePrefixes: [] } },
      },
    ],
  ])('that %s is left alone', (_what, changes) => {
    expect(isRetaining(repository(changes), RETENTION)).toBe(true)
  })

  test.each([
    ['has none', { 'imagery-delete-old': undefined, 'imagery-keep-newest': undefined }],
    ['has lost the one that keeps', { 'imagery-keep-newest': undefined }],
    ['keeps fewer', { 'imagery-keep-newest': { ...KEEP_NEWEST, mostRecentVersions: { keepCount: 1 } } }],
    ['deletes earlier', { 'imagery-delete-old': { ...DELETE_OLD, condition: { tagState: 'ANY', olderThan: '60s' } } }],
    [
      'deletes only what has no tag',
      { 'imagery-delete-old': { ...DELETE_OLD, condition: { tagState: 'UNTAGGED', olderThan: '2592000s' } } },
    ],
    [
      'keeps only those of one name',
      {
        'imagery-keep-newest': {
          ...KEEP_NEWEST,
          mostRecentVersions: { keepCount: 5, packageNamePrefixes: ['other'] },
        },
      },
    ],
  ])('that %s is changed', (_what, changes) => {
    expect(isRetaining(repository(changes), RETENTION)).toBe(false)
  })
})
