import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { once } from 'node:events'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, type ImageryUser } from '../cli/imagery-process.ts'
import { officialClients, type OfficialClients } from './official-clients.ts'

let user: ImageryUser
let cloud: OfficialClients
let busy: Server
/** The local cloud's state after the setup, which every refusal must leave unchanged. */
let before: { holdings: Awaited<ReturnType<ImageryUser['holdings']>>; inventory: string[] }

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  await user.startLocalCloud()
  expect((await user.run(['deploy', '--local'])).exitCode).toBe(0)
  cloud = await officialClients(user.dataDirectory)
  await cloud.bigQuery.createDataset('city', { location: 'US' })
  await cloud.bigQuery.createDataset('europe', { location: 'EU' })
  const fields = ['asset_id', 'gcs_uri', 'kind'].map((name) => ({ name, type: 'STRING' }))
  for (const name of ['signs', 'nobody', 'empty'])
    await cloud.bigQuery.dataset('city').createTable(name, { schema: { fields } })
  await cloud.bigQuery
    .dataset('city')
    .table('signs')
    .insert([{ asset_id: 'a', gcs_uri: 'gs://bucket/a.jpg', kind: 'stop' }])
  await cloud.bigQuery
    .dataset('city')
    .table('nobody')
    .insert([{ asset_id: null, gcs_uri: 'gs://bucket/a.jpg', kind: 'stop' }])

  const schema = { fields }
  await cloud.storage.createBucket('city-lists', { location: 'US' })
  await cloud.bigQuery
    .dataset('city')
    .createTable('daily', { schema, timePartitioning: { type: 'DAY' }, requirePartitionFilter: true } as object)
  for (const [name, uri] of [
    ['gone', 'gs://city-lists/signs.csv'],
    ['sheet', 'https://docs.google.com/spreadsheets/d/1'],
  ]) {
    const externalDataConfiguration = { sourceUris: [uri], sourceFormat: 'CSV' }
    await cloud.bigQuery.dataset('city').createTable(name!, { schema, externalDataConfiguration } as object)
  }
  await cloud.bigQuery
    .dataset('city')
    .table('daily$20260914')
    .load(await written('daily.jsonl', '{"asset_id": "a", "gcs_uri": "gs://bucket/a.jpg"}\n'), {
      sourceFormat: 'NEWLINE_DELIMITED_JSON',
    })

  const files = {
    'signs.jsonl': '{"asset_id": "a", "gcs_uri": "a.jpg", "kind": "stop"}\n',
    'other.csv': 'sign,view\na,a.jpg\n',
    'header.csv': 'asset_id,gcs_uri\n',
    'blank.jsonl': '\n\n',
    'broken.jsonl': '{"asset_id": "a", "gcs_uri": "a.jpg"}\n{"asset_id": "b", "gcs_uri\n',
    'lies.parquet': 'PAR1 this is no Parquet file PAR1',
    'structs.jsonl': '{"asset_id": {"id": "a"}, "gcs_uri": "a.jpg"}\n',
    file: '',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(path.join(user.folder, name), text)
  await mkdir(path.join(user.folder, 'no-images'))
  busy = createServer().listen(0, '127.0.0.1')
  await once(busy, 'listening')
  before = { holdings: await user.holdings(), inventory: await cloud.inventory() }
})

afterAll(async () => {
  busy.close()
  await user.leave()
})

async function written(name: string, text: string): Promise<string> {
  const file = path.join(user.folder, name)
  await writeFile(file, text)
  return file
}

interface Case {
  run: string[]
  exitCode: 1 | 2
  code: string
  names: RegExp
}

const SIGNS = ['--table', 'imagery-local.city.signs']

const CASES: Record<string, Case> = {
  'a table that does not exist': {
    run: ['--table', 'imagery-local.city.poles'],
    exitCode: 1,
    code: 'SOURCE_NOT_FOUND',
    names: /imagery-local\.city\.poles/,
  },
  'a dataset that does not exist': {
    run: ['--table', 'imagery-local.town.signs'],
    exitCode: 1,
    code: 'SOURCE_NOT_FOUND',
    names: /imagery-local\.town\.signs/,
  },
  'a project that does not exist or is not ours, which Google does not distinguish': {
    run: ['--table', 'other-project.city.signs'],
    exitCode: 1,
    code: 'ACCESS_DENIED',
    names:
      /Reading other-project\.city\.signs was refused: .* \(or it may not exist\)\. It requires roles\/bigquery\.dataViewer/,
  },
  'an empty table': {
    run: ['--table', 'imagery-local.city.empty'],
    exitCode: 1,
    code: 'NO_ASSETS',
    names: /imagery-local\.city\.empty has no rows/,
  },
  'a table that requires a filter on its partitions': {
    run: ['--table', 'imagery-local.city.daily'],
    exitCode: 2,
    code: 'INVALID_FILTER',
    names: /city\.daily can be read only with a filter on .*_PARTITIONTIME/,
  },
  'a partition without an asset': {
    run: ['--table', 'imagery-local.city.daily', '--where', "_PARTITIONDATE = '2026-09-15'"],
    exitCode: 1,
    code: 'NO_ASSETS',
    names: /_PARTITIONDATE = '2026-09-15'/,
  },
  'a wildcard that no table matches': {
    run: ['--table', 'imagery-local.city.poles_*'],
    exitCode: 1,
    code: 'SOURCE_NOT_FOUND',
    names: /no table that begins with poles_/,
  },
  'an external table whose file is gone': {
    run: ['--table', 'imagery-local.city.gone'],
    exitCode: 1,
    code: 'SOURCE_NOT_FOUND',
    names: /A file with rows of imagery-local:city\.gone does not exist: .*gs:\/\/city-lists\/signs\.csv/,
  },
  'an external table in Google Drive': {
    run: ['--table', 'imagery-local.city.sheet'],
    exitCode: 1,
    code: 'ACCESS_DENIED',
    names: /Google Drive/,
  },
  'a table whose rows belong to no asset': {
    run: ['--table', 'imagery-local.city.nobody'],
    exitCode: 1,
    code: 'NO_ASSETS',
    names: /imagery-local\.city\.nobody has no assets/,
  },
  'a table without the columns': {
    run: ['--table', 'other.csv'],
    exitCode: 2,
    code: 'COLUMN_NOT_FOUND',
    names: /other\.csv has no column asset_id .*Its columns: sign, view/,
  },
  'a table without the image column': {
    run: ['--table', 'other.csv', '--asset-column', 'sign'],
    exitCode: 2,
    code: 'COLUMN_NOT_FOUND',
    names: /other\.csv has no column gcs_uri or .* for the image URI/,
  },
  'a column flag that names none': {
    run: [...SIGNS, '--asset-column', 'sign_id'],
    exitCode: 2,
    code: 'COLUMN_NOT_FOUND',
    names: /has no column sign_id .*Its columns: asset_id, gcs_uri, kind/,
  },
  'an asset column of structs': {
    run: ['--table', 'structs.jsonl'],
    exitCode: 2,
    code: 'COLUMN_NOT_FOUND',
    names: /Column asset_id of structs\.jsonl holds structs/,
  },
  'a file with only a header': { run: ['--table', 'header.csv'], exitCode: 1, code: 'NO_ASSETS', names: /header\.csv/ },
  'a file of blank lines': { run: ['--table', 'blank.jsonl'], exitCode: 1, code: 'NO_ASSETS', names: /blank\.jsonl/ },
  'a damaged JSONL file': {
    run: ['--table', 'broken.jsonl'],
    exitCode: 2,
    code: 'SOURCE_UNSUPPORTED',
    names: /broken\.jsonl cannot be read as .*JSON/,
  },
  'a Parquet file that is none': {
    run: ['--table', 'lies.parquet'],
    exitCode: 2,
    code: 'SOURCE_UNSUPPORTED',
    names: /lies\.parquet cannot be read as PARQUET/,
  },
  'a folder without images': {
    run: ['--table', 'no-images'],
    exitCode: 1,
    code: 'NO_ASSETS',
    names: /no-images contains no images/,
  },
  'a filter that is no SQL': {
    run: [...SIGNS, '--where', 'kind = = 1'],
    exitCode: 2,
    code: 'INVALID_FILTER',
    names: /--where kind = = 1: .*Syntax error/s,
  },
  'a filter that ends in the middle': {
    run: [...SIGNS, '--where', "kind = 'stop"],
    exitCode: 2,
    code: 'INVALID_FILTER',
    names: /--where kind = 'stop: /,
  },
  'a filter on a missing column': {
    run: [...SIGNS, '--where', 'kindd = 1'],
    exitCode: 2,
    code: 'INVALID_FILTER',
    names: /--where kindd = 1: .*kindd/s,
  },
  'a filter of the wrong type': {
    run: [...SIGNS, '--where', 'kind'],
    exitCode: 2,
    code: 'INVALID_FILTER',
    names: /--where kind: /,
  },
  'a filter that reads a missing table': {
    run: [...SIGNS, '--where', 'kind IN (SELECT kind FROM nowhere.at_all)'],
    exitCode: 2,
    code: 'INVALID_FILTER',
    names: /--where kind IN .*nowhere/s,
  },
  'a filter that adds another query': {
    run: [...SIGNS, '--where', 'TRUE) UNION ALL SELECT * FROM demo.hr.people WHERE (TRUE'],
    exitCode: 2,
    code: 'INVALID_FILTER',
    names: /it has \) without an opening bracket/,
  },
  'a filter with a second statement': {
    run: [...SIGNS, '--where', "kind = 'stop'; DROP TABLE demo.hr.people"],
    exitCode: 2,
    code: 'INVALID_FILTER',
    names: /it has a ; outside quotes/,
  },
  'a filter on a file that is no SQL': {
    run: ['--table', 'signs.jsonl', '--where', 'kind ='],
    exitCode: 2,
    code: 'INVALID_FILTER',
    names: /--where kind =: /,
  },
  'a filter that nothing passes': {
    run: [...SIGNS, '--where', "kind = 'yield'"],
    exitCode: 1,
    code: 'NO_ASSETS',
    names: /has no assets that match --where kind = 'yield'/,
  },
  'a filter that nothing of a file passes': {
    run: ['--table', 'signs.jsonl', '--where', "kind = 'yield'"],
    exitCode: 1,
    code: 'NO_ASSETS',
    names: /signs\.jsonl has no assets that match --where kind = 'yield'/,
  },
  'an output that is there already': {
    run: [...SIGNS, '--output', 'city.nobody'],
    exitCode: 1,
    code: 'OUTPUT_EXISTS',
    names: /imagery-local\.city\.nobody exists/,
  },
  'an output in another location': {
    run: [...SIGNS, '--output', 'europe.signs'],
    exitCode: 2,
    code: 'INVALID_FLAG',
    names: /imagery-local\.europe is in EU.*source is in US/,
  },
}

describe.each(Object.entries(CASES))('%s', (_, { run, exitCode, code, names }) => {
  test('is refused by name, and nothing is left behind', async () => {
    const outcome = await user.run(['run', '--local', '--profile', 'resolution', ...run, '--json'])
    expect(outcome.error()).toMatchObject({ code, message: expect.stringMatching(names) })
    expect({ exitCode: outcome.exitCode, stderr: outcome.stderr }).toEqual({ exitCode, stderr: '' })
    expect(await cloud.inventory()).toEqual(before.inventory)
    expect(JSON.parse(await readFile(user.stateFile, 'utf8'))).toEqual({ runs: {}, deployments: {} })
  })
})

test('none of that changed the state of any API', async () => {
  expect(await user.holdings()).toEqual(before.holdings)
})

test('in text, a failed step is marked and the error is printed once, after the steps', async () => {
  const { exitCode, stdout, stderr } = await user.run([
    'run',
    '--local',
    '--profile',
    'resolution',
    ...SIGNS,
    '--where',
    'kindd = 1',
  ])
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(stderr).toMatch(
    /^· Read the source\n✖ Read the source\nError --where kindd = 1: [^\n[]+ \[INVALID_FILTER\]\n\nTry this\n  Use a condition on asset_id, gcs_uri, kind\n$/,
  )
})

describe('a local cloud', () => {
  test.each(['http', 'grpc'])('does not start on a %s port in use, and names it', async (kind) => {
    const { port } = busy.address() as { port: number }
    const outcome = await user.run([
      'local',
      'start',
      '--data-dir',
      'other-cloud',
      `--${kind}-port`,
      String(port),
      '--json',
    ])
    expect(outcome.exitCode).toBe(1)
    expect(outcome.error()).toMatchObject({
      code: 'LOCAL_CLOUD_FAILED',
      message: expect.stringContaining(`Port ${port}`),
    })
    expect((await user.run(['local', 'status', '--data-dir', 'other-cloud', '--json'])).json()).toEqual({
      running: false,
    })
  })

  test('does not start twice in one folder', async () => {
    const outcome = await user.run(['local', 'start', '--json'])
    expect(outcome.exitCode).toBe(1)
    expect(outcome.error()).toMatchObject({
      code: 'LOCAL_CLOUD_FAILED',
      message: expect.stringMatching(/already running in .*local-cloud/),
    })
  })
})

describe('the state file', () => {
  test('that cannot be created is named', async () => {
    const outcome = await user.run(['runs', '--local', '--json'], { XDG_CONFIG_HOME: path.join(user.folder, 'file') })
    expect(outcome.exitCode).toBe(2)
    expect(outcome.error()).toMatchObject({
      code: 'INVALID_CONFIGURATION',
      message: expect.stringContaining(path.join(user.folder, 'file', 'imagery', 'state.json')),
    })
  })

  test('that is damaged is named with a fix, and kept', async () => {
    const folder = path.join(user.folder, 'config', 'imagery')
    await mkdir(folder, { recursive: true })
    await writeFile(path.join(folder, 'state.json'), '{"runs": ')
    const outcome = await user.run(['runs', '--local', '--json'], { XDG_CONFIG_HOME: path.join(user.folder, 'config') })
    expect(outcome.exitCode).toBe(2)
    const { code, message, suggestions } = outcome.error()
    expect({ code, message, suggestions }).toEqual({
      code: 'INVALID_CONFIGURATION',
      message: expect.stringContaining(path.join(folder, 'state.json')),
      suggestions: [expect.stringContaining('rm ')],
    })
    expect(await readFile(path.join(folder, 'state.json'), 'utf8')).toBe('{"runs": ')
  })
})
