import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, expect, test } from 'vitest'

const cache = mkdtempSync(path.join(tmpdir(), 'imagery-check-sql-'))
afterEach(() => rmSync(cache, { recursive: true, force: true }))

test('the SQL check reports that it could not run, not a difference', async () => {
  const program = path.resolve(import.meta.dirname, '../../scripts/check-sql.ts')
  // Without npm, the analyzer cannot be downloaded.
  const env = { HOME: cache, XDG_CACHE_HOME: cache, PATH: '' }
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
    execFile(process.execPath, [program], { env }, (error, _, stderr) => resolve({ code: error?.code, stderr }))
  })
  expect(stderr).toContain('The SQL was not checked: ')
  expect(code).toBe(3)
})
