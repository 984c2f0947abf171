import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, readText, ROOT, type Environment, type ImageryUser } from './imagery-process.ts'

const SIGNS = path.join(ROOT, 'samples', 'street-signs', 'observations.jsonl')

let user: ImageryUser
/** A local cloud other than the default one; its name has characters that a shell would break. */
const FOLDER = "two words, it's"
const HERE = String.raw`'two words, it'\''s'`

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  const started = await user.run(['local', 'start', '--detach', '--data-dir', FOLDER])
  expect(started).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining(`imagery local stop --data-dir ${HERE}`),
  })
})

afterAll(async () => {
  await user.run(['local', 'stop', '--data-dir', FOLDER])
  await user.leave()
})

/** The imagery commands that an error or a result suggests. */
async function suggested(args: readonly string[], environment: Environment = {}): Promise<string[]> {
  const { exitCode, stdout, stderr } = await user.run(args, environment)
  expect(exitCode, stderr).not.toBe(70)
  const commands = `${stdout}\n${stderr}`
    .split('\n')
    .flatMap((line) => /^ {2,}(.*\bimagery [a-z].*)$/.exec(line)?.[1] ?? [])
  expect(commands, `${stdout}\n${stderr}`).not.toEqual([])
  return commands
}

const ON_IT = ['--local', '--data-dir', FOLDER]
const RUN = ['run', ...ON_IT, '--table', SIGNS, '--profile', 'image-quality']

describe('on a local cloud other than the default one, every suggested command is for that cloud', () => {
  test.each<[string, string[]]>([
    ['no run yet', ['status', ...ON_IT]],
    ['a missing run', ['results', '261123-9f3c1a7b', ...ON_IT]],
    ['an output that cannot be', [...RUN, '--output', 'a.b.c']],
    ['a doctor without a deployment', ['doctor', ...ON_IT]],
    ['no model that can answer', ['run', ...ON_IT, '--table', SIGNS, '--profile', 'road-signs']],
    ['another stand-in', [...RUN, '--gemini', 'forward']],
    ['no such account', ['local', 'token', '--account', 'a@b.c', '--data-dir', FOLDER]],
    ['one that runs already', ['local', 'start', '--data-dir', FOLDER]],
    ['one that runs already, in the background', ['local', 'start', '--detach', '--data-dir', FOLDER]],
  ])('%s', async (_, args) => {
    for (const command of await suggested(args)) expect(command).toContain(`--data-dir ${HERE}`)
  })

  test.each<[string, string[]]>([
    ['no run yet', ['status', '--local']],
    ['one that runs already', ['local', 'start', '--detach']],
  ])('also if a variable names its folder: %s', async (_, args) => {
    for (const command of await suggested(args, { IMAGERY_DATA_DIR: FOLDER })) {
      expect(command).toContain(`--data-dir ${HERE}`)
    }
  })
})

test('a deployment with a name has it in the commands that accept one, and only there', async () => {
  const third = ['--local', '--data-dir', 'third', '--name', 'second']
  const run = ['run', ...third, '--table', SIGNS, '--profile', 'image-quality', '--no-wait']
  expect(await suggested(run)).toEqual(['imagery local start --detach --data-dir third'])
  expect(await suggested(['status', ...third])).toEqual([
    'imagery run --local --data-dir third --name second --table TABLE --profile PROFILE',
  ])
})

test('the remedy for a damaged store deletes only that store', async () => {
  const damaged = path.join(user.folder, 'damaged cloud')
  await mkdir(path.join(damaged, 'storage'), { recursive: true, mode: 0o700 })
  await writeFile(path.join(damaged, 'storage', 'storage.sqlite'), 'garbage '.repeat(1_000))
  const outcome = await user.run(['runs', '--local', '--data-dir', damaged, '--json'])
  const reset = `imagery local reset --data-dir '${damaged}'   (deletes everything in this local cloud)`
  expect(outcome.error()).toMatchObject({ code: 'LOCAL_CLOUD_FAILED', suggestions: expect.arrayContaining([reset]) })
  // As a shell reads it.
  const { execa } = await import('execa')
  const program = `imagery() { "${process.execPath}" "${path.join(ROOT, 'bin', 'run.js')}" "$@"; }`
  await execa('bash', ['-c', `${program}; ${reset.split('   ')[0]!} --yes`], { cwd: user.folder })
  expect((await user.run(['runs', '--local', '--data-dir', damaged, '--json'])).exitCode).toBe(0)
  expect(await readText(path.join(user.folder, FOLDER, 'local-cloud.json'))).toContain('"http"')
  // It would write while its folder is removed.
  expect(await user.run(['local', 'stop', '--data-dir', damaged])).toMatchObject({ exitCode: 0 })
})
