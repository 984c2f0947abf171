import { execFileSync } from 'node:child_process'
import { truncate, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, ROOT, type ImageryUser } from './imagery-process.ts'

let user: ImageryUser

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  for (const name of ['pipe.yaml', 'pipe.csv']) execFileSync('mkfifo', [path.join(user.folder, name)])
  await writeFile(path.join(user.folder, 'signs.jsonl'), '{"asset_id": "a", "gcs_uri": "a.jpg"}\n')
  for (const name of ['large.yaml', 'large.jsonl']) await writeFile(path.join(user.folder, name), '')
  await truncate(path.join(user.folder, 'large.yaml'), 2 * 1024 ** 2)
  await truncate(path.join(user.folder, 'large.jsonl'), 257 * 1024 ** 2)
})

afterAll(() => user.leave())

const run = (...flags: string[]): string[] => ['run', '--local', '--table', 'signs.jsonl', ...flags]
const signs = ['--profile', 'road-signs']

/** None of this may hang, fill the memory, or start a local cloud. */
const REFUSED: Record<string, { args: string[]; code: string; message: RegExp }> = {
  'a profile in a pipe without a writer': {
    args: ['profiles', 'validate', 'pipe.yaml'],
    code: 'INVALID_PROFILE',
    message: /^pipe\.yaml cannot be read: it is a pipe that ended without any data$/,
  },
  'a profile that is too large': {
    args: ['profiles', 'validate', 'large.yaml'],
    code: 'INVALID_PROFILE',
    message: /^large\.yaml cannot be read: it is larger than 1 MiB$/,
  },
  'a table in a pipe': {
    args: ['run', '--local', '--table', 'pipe.csv', '--profile', 'resolution'],
    code: 'SOURCE_UNSUPPORTED',
    message: /^pipe\.csv is a pipe, not a file$/,
  },
  'prices on a device': {
    args: run(...signs, '--prices', '/dev/zero'),
    code: 'INVALID_CONFIGURATION',
    message: /^The price file \/dev\/zero cannot be read: it is a device, not a file$/,
  },
  'prices that are too large': {
    args: run(...signs, '--prices', 'large.yaml'),
    code: 'INVALID_CONFIGURATION',
    message: /^The price file large\.yaml cannot be read: it is larger than 1 MiB$/,
  },
  'a scripted model in a pipe': {
    args: run(...signs, '--gemini', 'script:pipe.yaml'),
    code: 'FILE_NOT_FOUND',
    message: /pipe\.yaml is a pipe, not a file$/,
  },
  'a scripted model that is too large': {
    args: run(...signs, '--gemini', 'script:large.yaml'),
    code: 'FILE_NOT_FOUND',
    message: /large\.yaml is larger than 1 MiB$/,
  },
  'recorded answers that are too large': {
    args: run(...signs, '--gemini', 'replay:large.jsonl'),
    code: 'FILE_NOT_FOUND',
    message: /large\.jsonl is larger than 256 MiB$/,
  },
  'raw cells of another format': {
    args: ['results', '--local', '--format', 'jsonl', '--raw-cells'],
    code: 'INVALID_FLAG',
    message: /^--raw-cells works only with --format csv, not jsonl$/,
  },
}

test.each(Object.entries(REFUSED))('%s is refused by name', async (_, { args, code, message }) => {
  const outcome = await user.run([...args, '--json'])
  expect(outcome.error()).toMatchObject({ code, message: expect.stringMatching(message) })
  expect([1, 2]).toContain(outcome.exitCode)
})

test('credentials in a pipe are refused by name', async () => {
  const outcome = await user.run(['runs', '--project', 'my-project', '--json'], {
    GOOGLE_APPLICATION_CREDENTIALS: path.join(user.folder, 'pipe.csv'),
  })
  expect(outcome.error()).toMatchObject({ message: expect.stringMatching(/pipe\.csv cannot be used: it is a pipe/) })
})

describe('a shell', () => {
  const program = `'${process.execPath}' '${path.join(ROOT, 'bin', 'run.js')}'`
  const shell = (script: string) => execa('bash', ['-c', script], { cwd: user.folder, reject: false })

  test.each([
    ['hands over a profile by a command', `${program} profiles validate <(${program} profiles show road-signs)`],
    ['hands over a profile as input', `${program} profiles show road-signs | ${program} profiles validate /dev/stdin`],
  ])('%s', async (_, script) => {
    const { exitCode, stdout, stderr } = await shell(script)
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' })
    expect(stdout).toMatch(/^\/dev\/\S+ is a valid profile: road-signs/)
  })

  test.each(['profiles list', 'profiles list --json', 'profiles show resolution', '--help', '--version'])(
    'that sends the output of %s to a full disk gets an error that names the output',
    async (args) => {
      const { exitCode, stderr } = await shell(`${program} ${args} > /dev/full`)
      expect({ exitCode, stderr }).toEqual({
        exitCode: 1,
        stderr: 'Error The output /dev/full cannot be written: no space left on device (ENOSPC) [FILE_NOT_WRITABLE]',
      })
    },
  )

  test('gets the output even if messages go to a full disk', async () => {
    const { exitCode, stdout } = await shell(`${program} profiles list 2> /dev/full; ${program} statsu 2> /dev/full`)
    expect(exitCode).toBe(2)
    expect(stdout).toContain('road-signs')
  })
})

test('a name with terminal escape sequences is shown as plain text', async () => {
  const evil = 'x\u001b]0;title\u0007\u001b[2J\u202e\u009b1m.csv'
  const text = await user.run(['run', '--local', '--table', evil, '--profile', 'resolution'])
  const json = await user.run(['run', '--local', '--table', evil, '--profile', 'resolution', '--json'])
  const unknown = await user.run([`stat\u001b[2Jsu`, '--json'])
  for (const { stdout, stderr } of [text, json, unknown]) {
    // eslint-disable-next-line no-control-regex -- the test looks for control characters
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/)
  }
  expect(json.error().message).toContain(evil)
})
