import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Writes down every package that is loaded, by import or by require. */
const HOOK = `
import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.LOADED_MODULES, url + '\\n')
    return next(url, context)
  },
})
`

/** What a process has loaded: packages by name, files of ours by path. */
async function loadedBy(args: readonly string[]): Promise<{ packages: Set<string>; files: string[] }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-startup-'))
  try {
    const hook = path.join(folder, 'hook.mjs')
    const list = path.join(folder, 'loaded')
    writeFileSync(hook, HOOK)
    await execa(process.execPath, ['--import', hook, path.join(root, 'bin', 'run.js'), ...args], {
      env: { LOADED_MODULES: list, HOME: folder },
    })
    const urls = readFileSync(list, 'utf8').trim().split('\n')
    const packages = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? [])
    const files = urls
      .filter((url) => url.startsWith('file:') && !url.includes('/node_modules/'))
      .map((url) => path.relative(root, fileURLToPath(url)))
    return { packages: new Set(packages), files }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('a command that needs no cloud loads nothing but imagery itself', () => {
  test.each([['--help'], ['run', '--help'], ['profiles', 'list'], ['--version']])('imagery %s %s', async (...args) => {
    const { packages, files } = await loadedBy(args.filter(Boolean))
    expect(files).toContain(path.join('dist', 'cli.js'))
    expect([...packages]).toEqual([])
  })

  test('and the one command that was asked for', async () => {
    const { files } = await loadedBy(['profiles', 'list'])
    const commands = files.filter((file) => file.startsWith(path.join('dist', 'commands')))
    expect(commands).toEqual([path.join('dist', 'commands', 'profiles', 'list.js')])
  })
})
