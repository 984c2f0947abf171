import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { deployPage } from '../../scripts/deploy-permissions.ts'
import { emulatorSupportPage } from '@imagery/local-cloud/scripts/emulator-support'
import { loadCasesPage } from '@imagery/local-cloud/scripts/load-cases'

const root = fileURLToPath(new URL('../..', import.meta.url))

test('packages/local-cloud/docs/load-jobs.md matches the cases in the tests (npm run docs)', () => {
  expect(readFileSync(path.join(root, 'packages', 'local-cloud', 'docs', 'load-jobs.md'), 'utf8')).toBe(loadCasesPage())
})

test('packages/local-cloud/docs/emulator-support.md matches the lists in the code (npm run docs)', async () => {
  expect(readFileSync(path.join(root, 'packages', 'local-cloud', 'docs', 'emulator-support.md'), 'utf8')).toBe(
    await emulatorSupportPage(),
  )
})

test('the tables of docs/deploy.md match what deploy grants and enables (npm run docs)', () => {
  expect(readFileSync(path.join(root, 'docs', 'deploy.md'), 'utf8')).toBe(deployPage())
})

test('oclif.manifest.json matches the commands (npm run build)', async () => {
  const copy = mkdtempSync(path.join(os.tmpdir(), 'imagery-manifest-'))
  try {
    for (const file of ['package.json', 'bin', 'dist'])
      cpSync(path.join(root, file), path.join(copy, file), { recursive: true })
    symlinkSync(path.join(root, 'node_modules'), path.join(copy, 'node_modules'))
    await execa(process.execPath, [path.join(root, 'node_modules', 'oclif', 'bin', 'run.js'), 'manifest'], {
      cwd: copy,
    })
    const manifest = (folder: string): unknown =>
      JSON.parse(readFileSync(path.join(folder, 'oclif.manifest.json'), 'utf8'))
    expect(manifest(root)).toEqual(manifest(copy))
  } finally {
    rmSync(copy, { recursive: true })
  }
})
