import { readdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newUser, type Environment, type ImageryUser } from './imagery-process.ts'

let user: ImageryUser

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await writeFile(path.join(user.folder, 'signs.jsonl'), '{"asset_id": "a", "gcs_uri": "a.jpg"}\n')
})

afterAll(() => user.leave())

const RUN = ['run', '--local', '--table', 'signs.jsonl', '--profile', 'road-signs']
const PROXY = 'https://me:hunter2@proxy.example.com'

test.each<[what: string, args: string[], named: RegExp, environment?: Environment]>([
  [
    'a password in the endpoint',
    [...RUN, '--gemini-endpoint', PROXY],
    /--gemini-endpoint contains a user name or password/,
  ],
  [
    'a key in the endpoint',
    [...RUN, '--gemini-endpoint', `https://a.example/?key=hunter2`],
    /--gemini-endpoint contains a key/,
  ],
  ['an endpoint that is no URL', [...RUN, '--gemini-endpoint', 'me:hunter2@a.example'], /--gemini-endpoint is not/],
  [
    'a query in the endpoint',
    [...RUN, '--gemini-endpoint', 'https://a.example/?x=hunter2'],
    /--gemini-endpoint has a query/,
  ],
  ['a table at a URL', ['run', '--local', '--table', `${PROXY}/a.csv`, '--profile', 'road-signs'], /--table contains/],
  [
    'a table of the environment',
    ['run', '--local', '--profile', 'road-signs'],
    /--table contains/,
    { IMAGERY_TABLE: PROXY },
  ],
  ['a profile at a URL', ['profiles', 'validate', `${PROXY}/a.yaml`], /PROFILE contains/],
  ['a condition', [...RUN, '--where', `gcs_uri = '${PROXY}/a.jpg'`], /--where contains/],
  ['an origin of a model', ['deploy', '--local', '--allow-model-origin', PROXY], /--allow-model-origin contains/],
  [
    'an origin that is no URL',
    ['deploy', '--local', '--allow-model-origin', 'me:hunter2@a'],
    /--allow-model-origin …@a is/,
  ],
  ['a setting', ['config', 'set', 'project', PROXY], /VALUE contains/],
  ['a flag that does not exist', [...RUN, `--gemini-endpiont=${PROXY}`], /no flag --gemini-endpiont/],
  ['an argument too many', ['status', '1', PROXY], /Unexpected argument/],
  ['an argument for a command without arguments', ['runs', PROXY], /takes no argument/],
])(
  'a secret in %s is refused before anything is created, and not repeated',
  async (_what, args, named, environment) => {
    const outcome = await user.run([...args, '--json'], environment)
    expect([outcome.exitCode, outcome.error().code]).toEqual([2, 'INVALID_FLAG'])
    expect(outcome.error().message).toMatch(named)
    expect(outcome.stdout + outcome.stderr).not.toContain('hunter2')
    // Neither a local cloud's data nor a record of runs or settings.
    const made = await readdir(path.dirname(user.folder))
    expect(made.filter((name) => name !== 'cache')).toEqual(['work'])
  },
)
