import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, ROOT, type ImageryUser } from './imagery-process.ts'

let user: ImageryUser

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await writeFile(path.join(user.folder, 'signs.jsonl'), '{"asset_id": "a", "gcs_uri": "a.jpg"}\n')
  await writeFile(path.join(user.folder, 'empty.csv'), '')
  await writeFile(path.join(user.folder, 'signs.xlsx'), 'PK')
  await writeFile(path.join(user.folder, 'notes.yaml'), 'name: Notes\nmodel: pixles\n')
  await mkdir(path.join(user.folder, 'no-images'))
  await symlink('/no/such/disk', path.join(user.folder, 'unplugged'))
})

afterAll(() => user.leave())

interface Case {
  args: string[]
  exitCode: 1 | 2
  code: string
  /** What the message must name. */
  names: RegExp
  suggests: string
}

const SIGNS = ['--local', '--table', 'signs.jsonl', '--profile', 'resolution']

/** Everything here is refused before a local cloud starts, because the command line and the files show it. */
const CASES: Record<string, Case> = {
  'a missing folder of images': {
    args: ['run', ...SIGNS, '--image-root', '.', '--image-root', 'nowhere'],
    exitCode: 1,
    code: 'FILE_NOT_FOUND',
    names: /--image-root nowhere cannot be read: no such file or directory/,
    suggests: 'ls -ld nowhere',
  },
  'a folder of images that is a file': {
    args: ['run', ...SIGNS, '--image-root', 'signs.jsonl'],
    exitCode: 1,
    code: 'FILE_NOT_FOUND',
    names: /--image-root signs\.jsonl is not a folder/,
    suggests: '--image-root .',
  },
  'a folder of images for a table in BigQuery': {
    args: ['run', '--local', '--profile', 'resolution', '--table', 'imagery-local.city.signs', '--image-root', '.'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /--image-root works only with a local table; imagery-local\.city\.signs is in BigQuery/,
    suggests: 'Run the same command without --image-root',
  },
  'a command that does not exist': {
    args: ['statsu'],
    exitCode: 2,
    code: 'COMMAND_NOT_FOUND',
    names: /statsu.*Did you mean status\?/,
    suggests: 'imagery status',
  },
  'a subcommand that does not exist': {
    args: ['local', 'strat'],
    exitCode: 2,
    code: 'COMMAND_NOT_FOUND',
    names: /local strat.*Did you mean local start\?/,
    suggests: 'imagery local start',
  },
  'an argument for a command without arguments': {
    args: ['runs', 'extra'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /imagery runs takes no arguments, but got: extra/,
    suggests: 'imagery runs --help',
  },
  'an argument too many': {
    args: ['status', '1', '2'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /Unexpected argument: 2/,
    suggests: 'imagery status --help',
  },
  'an argument that is missing': {
    args: ['teardown', '--local'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /imagery teardown needs RUN_ID/,
    suggests: 'imagery teardown --help',
  },
  'a run and a deployment to tear down at once': {
    args: ['teardown', '261123-9f3c1a7b', '--deployment', '--local'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /either RUN_ID or --deployment/,
    suggests: 'imagery teardown --help',
  },
  'a model origin with a path': {
    args: ['deploy', '--local', '--allow-model-origin', 'https://proxy.example.com/gemini'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /--allow-model-origin https:\/\/proxy\.example\.com\/gemini is not an HTTPS origin/,
    suggests: '--allow-model-origin https://proxy.example.com',
  },
  'a flag that does not exist': {
    args: ['run', '--tabel', 'x'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /no flag --tabel.*Did you mean --table\?/,
    suggests: 'imagery run --help',
  },
  'flags that are missing': {
    args: ['run', '--local'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /--profile.*--table/,
    suggests: 'imagery run --help',
  },
  'a number that is none': {
    args: ['run', ...SIGNS, '--limit', 'many'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /--limit.*integer.*many/,
    suggests: 'imagery run --help',
  },
  'a number out of range': {
    args: ['run', ...SIGNS, '--limit', '0'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /--limit.*0/,
    suggests: 'imagery run --help',
  },
  'flags that exclude each other': {
    args: ['run', ...SIGNS, '--limit', '1', '--sample', '2'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /--sample and --limit cannot be used together/,
    suggests: 'imagery run --help',
  },
  'a format that does not exist': {
    args: ['results', '--local', '--format', 'xml'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /--format=xml.*table, csv, jsonl, parquet, geojson, geoparquet, xlsx/,
    suggests: 'imagery results --help',
  },
  'a format that no file can have': {
    args: ['results', '--local', '--format', 'table', '-o', 'rows.txt'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /--format table/,
    suggests: '-o rows.csv',
  },
  'a profile that does not exist': {
    args: ['run', '--local', '--table', 'signs.jsonl', '--profile', 'image-qualty'],
    exitCode: 2,
    code: 'PROFILE_NOT_FOUND',
    names: /"image-qualty".*Did you mean image-quality\?/,
    suggests: 'imagery profiles show image-quality',
  },
  'a profile to show that does not exist': {
    args: ['profiles', 'show', 'resolutoin'],
    exitCode: 2,
    code: 'PROFILE_NOT_FOUND',
    names: /"resolutoin".*Did you mean resolution\?/,
    suggests: 'imagery profiles show resolution',
  },
  'a profile file that does not exist': {
    args: ['run', '--local', '--table', 'signs.jsonl', '--profile', 'poles.yaml'],
    exitCode: 1,
    code: 'FILE_NOT_FOUND',
    names: /poles\.yaml/,
    suggests: 'imagery profiles list',
  },
  'a profile file that is no profile': {
    args: ['run', '--local', '--table', 'signs.jsonl', '--profile', 'notes.yaml'],
    exitCode: 2,
    code: 'INVALID_PROFILE',
    names: /notes\.yaml:1: name: .*notes\.yaml:2: model: /s,
    suggests: 'imagery profiles show image-quality',
  },
  'a file that does not exist': {
    args: ['run', '--local', '--table', 'sings.jsonl', '--profile', 'resolution'],
    exitCode: 1,
    code: 'FILE_NOT_FOUND',
    names: /sings\.jsonl/,
    suggests: 'ls .',
  },
  'a file of the wrong type': {
    args: ['run', '--local', '--table', 'signs.xlsx', '--profile', 'resolution'],
    exitCode: 2,
    code: 'SOURCE_UNSUPPORTED',
    names: /signs\.xlsx.*\.xlsx.*\.csv/,
    suggests: 'Use a CSV, JSONL or Parquet file, a folder of images, or project.dataset.table',
  },
  'an empty file': {
    args: ['run', '--local', '--table', 'empty.csv', '--profile', 'resolution'],
    exitCode: 1,
    code: 'NO_ASSETS',
    names: /empty\.csv is empty/,
    suggests: '',
  },
  'a table name without its project': {
    args: ['run', '--table', 'city.signs', '--profile', 'resolution'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /city\.signs.*project\.dataset\.table/,
    suggests: 'imagery run --table PROJECT.city.signs …   (imagery config get project prints your project)',
  },
  'an amount that is none': {
    args: ['run', ...SIGNS, '--ask-above', 'much'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /^(?:Error )?--ask-above much is not an amount in US dollars(?: \[|$)/,
    suggests: '--ask-above 25',
  },
  'a limit on failures that is none': {
    args: ['resume', '--local', '--max-failures', '0'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /^(?:Error )?--max-failures 0 is neither a number of assets, a share of them such as 2%, nor none(?: \[|$)/,
    suggests: '--max-failures 50',
  },
  'a limit on failures that is more than all': {
    args: ['resume', '--local', '--max-failures', '250%'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /^(?:Error )?--max-failures 250% is not a share of the assets between 0% and 100%(?: \[|$)/,
    suggests: '--max-failures 2%',
  },
  'an estimate of no table': {
    args: ['estimate', '--local'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /Missing required flag --profile; Missing required flag --table/,
    suggests: 'imagery estimate --help',
  },
  'an output that is no table': {
    args: ['run', ...SIGNS, '--output', 'my-project.city.signs'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /my-project\.city\.signs.*DATASET\.TABLE/,
    suggests: 'imagery run --output my_results.poles --local …',
  },
  'a data folder below a file': {
    args: ['runs', '--local', '--data-dir', 'signs.jsonl/cloud'],
    exitCode: 1,
    code: 'LOCAL_CLOUD_FAILED',
    names: /signs\.jsonl\/cloud cannot be created: .*ENOTDIR/,
    suggests: 'Choose another folder with --data-dir FOLDER',
  },
  'a data folder on a missing disk': {
    args: ['runs', '--local', '--data-dir', 'unplugged/cloud'],
    exitCode: 1,
    code: 'LOCAL_CLOUD_FAILED',
    names: /unplugged\/cloud cannot be created: .*ENOENT/,
    suggests: 'Choose another folder with --data-dir FOLDER',
  },
  'a local cloud below a file': {
    args: ['local', 'start', '--data-dir', 'signs.jsonl/cloud'],
    exitCode: 1,
    code: 'LOCAL_CLOUD_FAILED',
    names: /signs\.jsonl\/cloud/,
    suggests: 'choose another folder with --data-dir',
  },
  'an unconfirmed reset': {
    args: ['local', 'reset'],
    exitCode: 2,
    code: 'CONFIRMATION_NEEDED',
    names: /local-cloud/,
    suggests: 'Run the same command with --yes',
  },
  'a reset of a folder of something else': {
    args: ['local', 'reset', '--yes', '--data-dir', '.'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /is not a local cloud's data folder/,
    suggests: '',
  },
  'Google without a project': {
    args: ['runs'],
    exitCode: 2,
    code: 'PROJECT_NOT_SET',
    names: /No Google Cloud project/,
    suggests: 'imagery config set project PROJECT',
  },
  'Google without credentials': {
    args: ['runs', '--project', 'my-project'],
    exitCode: 2,
    code: 'CREDENTIALS_NOT_FOUND',
    names: /no Google credentials/,
    suggests: 'gcloud auth application-default login',
  },
  'two clouds at once': {
    args: ['status', '--local', '--project', 'my-project'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /--project works only with Google Cloud/,
    suggests: 'Run the same command without --local',
  },
  'a zone for a region': {
    args: ['status', '--project', 'my-project', '--region', 'europe-west1-b'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /europe-west1-b is a zone/,
    suggests: '--region europe-west1',
  },
  'a stand-in for Gemini on Google': {
    args: ['status', '--project', 'my-project', '--gemini', 'forward'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /--gemini forward works only with the local cloud/,
    suggests: 'Run the same command without --gemini',
  },
  'a project id that cannot be one': {
    args: ['config', 'set', 'project', 'My Project'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /project 'My Project' is not a valid project ID/,
    suggests: 'imagery config set project my-project',
  },
}

describe.each(Object.entries(CASES))('%s', (_, { args, exitCode, code, names, suggests }) => {
  test('is refused with a message that names it and a next step, as text and as one small JSON document', async () => {
    const [text, json] = await Promise.all([user.run(args), user.run([...args, '--json'])])
    expect({ exitCode: text.exitCode, stdout: text.stdout }).toEqual({ exitCode, stdout: '' })
    expect(text.stderr).toMatch(names)
    expect(text.stderr).toContain(`[${code}]`)
    expect(text.stderr).toContain(suggests)
    expect(text.stderr, 'no stack').not.toMatch(/\n\s+at /)

    const { message, suggestions, code: jsonCode } = json.error()
    expect({ code: jsonCode, exitCode: json.exitCode, stderr: json.stderr }).toEqual({ code, exitCode, stderr: '' })
    expect(message).toMatch(names)
    if (suggests) expect(suggestions).toContain(suggests)
    expect(json.stdout.length).toBeLessThan(1_000)
  })
})

test('none of that started a local cloud or wrote a file', async () => {
  expect(await user.holdings()).toBeUndefined()
  expect(await readdir(user.folder)).toEqual([
    'empty.csv',
    'no-images',
    'notes.yaml',
    'signs.jsonl',
    'signs.xlsx',
    'unplugged',
  ])
})

describe('text output', () => {
  test('has no escape codes in a pipe', async () => {
    const outcomes = await Promise.all([
      user.run(['profiles', 'list']),
      user.run(['statsu']),
      user.run(['run', '--help']),
    ])
    for (const { stdout, stderr } of outcomes) expect(stdout + stderr).not.toContain('\u001b')
  })

  test('is colored in a pipe on request, and never with NO_COLOR', async () => {
    const forced = await user.run(['statsu'], { FORCE_COLOR: '1' })
    expect(forced.stderr).toContain('\u001b[')
    const never = await user.run(['statsu'], { NO_COLOR: '1' })
    expect(never.stderr).not.toContain('\u001b')
  })
})

test('the output of profiles show is a valid profile', async () => {
  const { exitCode, stdout } = await user.run(['profiles', 'show', 'image-quality'])
  expect(exitCode).toBe(0)
  await writeFile(path.join(user.folder, 'mine.yaml'), stdout)
  const outcome = await user.run([
    'run',
    '--table',
    path.join(ROOT, 'samples/street-signs/observations.jsonl'),
    '--profile',
    'mine.yaml',
  ])
  expect(outcome.stderr).toContain('[PROJECT_NOT_SET]')
})

test('every JSON document has warnings, including those of errors', async () => {
  const commands = [['profiles', 'list'], ['local', 'status'], ['profiles', 'show', 'nothing'], ['statsu']]
  const outcomes = await Promise.all(commands.map((args) => user.run([...args, '--json'])))
  expect(outcomes.map((outcome) => outcome.warnings())).toEqual([[], [], [], []])
})
