import { readFileSync } from 'node:fs'
import path from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { ROOT } from './imagery-process.ts'

const { engines } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { engines: { node: string } }

/** Runs `imagery --version` in a process that says it is of another version of Node.js. */
function runAs(version: string) {
  const pretend = `data:text/javascript,Object.defineProperty(process.versions,'node',{value:'${version}'})`
  return execa(process.execPath, ['--import', pretend, path.join(ROOT, 'bin', 'run.js'), '--version'], {
    reject: false,
  })
}

test.each(['18.20.4', '20.19.0', '22.12.0'])(
  'Node.js %s is refused in words, before anything is loaded',
  async (old) => {
    const { exitCode, stdout, stderr } = await runAs(old)
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
    expect(stderr).toContain(`Error imagery needs Node.js 22.13 or later, and this is ${old}\n`)
  },
)

test('the oldest version that package.json allows, and newer ones, are taken', async () => {
  expect(engines.node).toBe('>=22.13')
  for (const version of ['22.13.0', '24.0.0']) expect(await runAs(version)).toMatchObject({ exitCode: 0, stderr: '' })
})
