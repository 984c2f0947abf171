import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { execa } from 'execa'
import { newUser, ROOT, type ImageryUser, type Outcome } from './imagery-process.ts'

const manifest = JSON.parse(readFileSync(path.join(ROOT, 'oclif.manifest.json'), 'utf8')) as {
  commands: Record<string, { hidden?: boolean; description?: string }>
}

const COMMANDS = ['', 'local', 'profiles', ...Object.keys(manifest.commands).map((id) => id.replaceAll(':', ' '))]

let user: ImageryUser

beforeAll(async () => {
  user = await newUser({ isWarm: true })
})

afterAll(() => user.leave())

const pages = new Map<string, Promise<Outcome>>()

/** The help of a command, asked once. */
function helpOf(command: string): Promise<Outcome> {
  const page = pages.get(command) ?? user.run([...command.split(' ').filter(Boolean), '--help'])
  pages.set(command, page)
  return page
}

describe('the help', () => {
  test.each(COMMANDS)('of `imagery %s` matches its snapshot', async (command) => {
    const { exitCode, stdout, stderr } = await helpOf(command)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    const platformIndependent = stdout.replace(/imagery\/\S+ \S+ node-v\S+/, 'imagery/VERSION PLATFORM NODE')
    await expect(platformIndependent).toMatchFileSnapshot(
      `__snapshots__/help/${command.replaceAll(' ', '-') || 'imagery'}.txt`,
    )
  })

  test.each(COMMANDS.filter((command) => manifest.commands[command.replaceAll(' ', ':')]))(
    'of `imagery %s` has every word of the description',
    async (command) => {
      const { description = '' } = manifest.commands[command.replaceAll(' ', ':')]!
      const { stdout } = await helpOf(command)
      const words = (text: string): string => text.replaceAll(/\s+/g, ' ').trim()
      expect(words(stdout)).toContain(words(description.replaceAll('<%= config.bin %>', 'imagery')))
    },
  )

  test('may be cut off by a reader that closes the pipe', async () => {
    const shell = `set -o pipefail; '${process.execPath}' '${path.join(ROOT, 'bin', 'run.js')}' --help | head -1`
    const { exitCode, stdout, stderr } = await execa('bash', ['-c', shell], { reject: false })
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout.split('\n')).toHaveLength(1)
  })

  test('is the same with -h', async () => {
    const [long, short] = await Promise.all([helpOf('status'), user.run(['status', '-h'])])
    expect(short).toMatchObject({ exitCode: 0, stdout: long.stdout })
  })

  test('of a command has no line over 100 columns', async () => {
    const all = await Promise.all(COMMANDS.filter(Boolean).map(helpOf))
    const long = all.flatMap(({ stdout }) => stdout.split('\n')).filter((line) => line.length > 100)
    expect(long).toEqual([])
  })
})

test('--version names imagery, its version, the platform and Node', async () => {
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string }
  const { exitCode, stdout, stderr } = await user.run(['--version'])
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
  expect(stdout).toBe(`imagery/${version} ${process.platform}-${process.arch} node-${process.version}\n`)
})
