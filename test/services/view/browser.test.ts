import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { openBrowser } from '../../../src/services/view/browser.ts'

const ADDRESS = 'http://127.0.0.1:1/open?token=a-b_c&x=$(id)'

describe.runIf(process.platform === 'linux')('the browser', () => {
  const before = process.env['PATH']
  let folder: string

  beforeEach(async () => {
    folder = await mkdtemp(path.join(os.tmpdir(), 'imagery-browser-'))
    process.env['PATH'] = folder
  })

  afterEach(async () => {
    process.env['PATH'] = before
    await rm(folder, { recursive: true })
  })

  async function opener(exitCode: number): Promise<void> {
    const file = path.join(folder, 'xdg-open')
    await writeFile(file, `#!/bin/sh\nprintf '%s\\n' "$#" "$1" > '${folder}/opened'\nexit ${exitCode}\n`)
    await chmod(file, 0o700)
  }

  test('gets the address as one argument, which no shell reads', async () => {
    await opener(0)
    expect(await openBrowser(ADDRESS)).toBe(true)
    expect(await readFile(path.join(folder, 'opened'), 'utf8')).toBe(`1\n${ADDRESS}\n`)
  })

  test('that cannot be started is reported', async () => {
    expect(await openBrowser(ADDRESS)).toBe(false)
    await opener(3)
    expect(await openBrowser(ADDRESS)).toBe(false)
  })
})
