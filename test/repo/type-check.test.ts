import { globSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

async function checkedBy(project: string): Promise<string[]> {
  const { stdout } = await execa('tsc', ['-p', project, '--listFilesOnly'], { cwd: root, preferLocal: true })
  return stdout.split('\n').map((file) => path.relative(root, file))
}

test('npm run typecheck checks every file of the viewer, which two configurations share', async () => {
  const files = globSync('packages/viewer/**/*.{ts,tsx}', { cwd: root, exclude: (name) => name === 'node_modules' })
  const checked = new Set(await checkedBy('packages/viewer'))
  expect(files.length).toBeGreaterThan(100)
  expect(files.filter((file) => !checked.has(file))).toEqual([])
})
