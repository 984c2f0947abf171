import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { describe, expect, test } from 'vitest'
import { recordModules } from '../loaded-modules.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The modules that a process has loaded: packages by name, our files by path. */
async function loadedBy(args: readonly string[]): Promise<{ packages: Set<string>; files: string[] }> {
  const recorder = recordModules()
  const home = mkdtempSync(path.join(os.tmpdir(), 'imagery-startup-'))
  try {
    await execa(process.execPath, [...recorder.args, path.join(root, 'bin', 'run.js'), ...args], {
      env: { ...recorder.environment, HOME: home },
    })
    const urls = recorder.loaded()
    const packages = urls.flatMap((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? [])
    const files = urls
      .filter((url) => url.startsWith('file:') && !url.includes('/node_modules/'))
      .map((url) => path.relative(root, fileURLToPath(url)))
    return { packages: new Set(packages), files }
  } finally {
    recorder.remove()
    rmSync(home, { recursive: true })
  }
}

describe('a command that needs no cloud loads only imagery itself', () => {
  test.each([['--help'], ['run', '--help'], ['profiles', 'list'], ['--version']])('imagery %s %s', async (...args) => {
    const { packages, files } = await loadedBy(args.filter(Boolean))
    expect(files).toContain(path.join('dist', 'cli', 'main.js'))
    expect([...packages]).toEqual([])
  })

  test('and only the requested command', async () => {
    const { files } = await loadedBy(['profiles', 'list'])
    const commands = files.filter((file) => file.startsWith(path.join('dist', 'commands')))
    expect(commands).toEqual([path.join('dist', 'commands', 'profiles', 'list.js')])
  })
})

// `import { z } from 'zod'` would bring them into each bundle: write `import * as z`.
test("no bundle holds zod's errors in other languages", () => {
  const files = readdirSync(path.join(root, 'dist'), { recursive: true, encoding: 'utf8' })
  const bundles = files.filter((file) => file.endsWith('.js'))
  expect(bundles.length).toBeGreaterThan(100)
  const inDutch = (file: string): boolean =>
    readFileSync(path.join(root, 'dist', file), 'utf8').includes('Ongeldige invoer')
  expect(bundles.filter(inDutch)).toEqual([])
})
