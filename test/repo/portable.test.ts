import { readdirSync, readFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

const FOLDERS = ['bench', 'bin', 'docs', 'examples', 'packages', 'samples', 'scripts', 'src', 'test']
const TEXT = /\.(?:c?[jt]s|mjs|json|jsonl|md|ya?ml|txt|sql|py)$|Dockerfile$/

function textFiles(): string[] {
  const nested = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => path.join(folder, file)),
  )
  const top = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
  return [...top, ...nested].filter((file) => TEXT.test(file))
}

test('no file contains a path of the machine that it was written on', () => {
  // Examples have the homes of these people.
  const homes = [/\/Users\/[a-z]\w+\//, /\/home\/(?!me\/|jane\/)[a-z]\w+\//, /\bC:\\Users\\\w+/]
  const here = [root.replace(/\/$/, ''), os.homedir()].filter((folder) => folder.split('/').length > 2)
  const faults = textFiles().filter((file) => {
    const text = readFileSync(path.join(root, file), 'utf8')
    return homes.some((pattern) => pattern.test(text)) || here.some((folder) => text.includes(`${folder}/`))
  })
  expect(faults).toEqual([])
})
