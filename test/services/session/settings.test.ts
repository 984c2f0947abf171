import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  deploymentFlags,
  resolveSettings,
  resolvedDeployment,
  type SettingSources,
} from '../../../src/services/session/settings.ts'

let home: string

beforeEach(() => {
  home = mkdtempSync(path.join(os.tmpdir(), 'imagery-settings-'))
})

afterEach(() => rmSync(home, { recursive: true }))

/** gcloud's files as gcloud writes them. */
function gcloud(configurations: Record<string, string>, active = 'default', folder = `${home}/.config/gcloud`): void {
  mkdirSync(path.join(folder, 'configurations'), { recursive: true })
  writeFileSync(path.join(folder, 'active_config'), active)
  for (const [name, text] of Object.entries(configurations)) {
    writeFileSync(path.join(folder, 'configurations', `config_${name}`), text)
  }
}

const DEFAULT_CONFIGURATION =
  '[core]\naccount = ada@example.com\nproject = of-gcloud\n\n[compute]\nregion = asia-east1\n'

const settle = (given: Partial<SettingSources> = {}) =>
  resolveSettings({
    flags: {},
    stored: {},
    deployments: [],
    credentialsProject: () => Promise.resolve({ projectId: 'of-the-key', from: '/keys/key.json' }),
    ...given,
    environment: { HOME: home, ...given.environment },
  })

describe('a setting comes from', () => {
  const flags = { project: 'of-the-flag' }
  const environment = {
    IMAGERY_PROJECT: 'of-imagery',
    GOOGLE_CLOUD_PROJECT: 'of-google',
    CLOUDSDK_CORE_PROJECT: 'of-sdk',
  }
  const stored = { project: 'of-config' }

  test('the flag, then the variables, then imagery config, then gcloud, then the credentials', async () => {
    gcloud({ default: DEFAULT_CONFIGURATION })
    const { GOOGLE_CLOUD_PROJECT, CLOUDSDK_CORE_PROJECT } = environment
    const sources: [Partial<SettingSources>, string, string, string][] = [
      [{ flags, environment, stored }, 'of-the-flag', 'flag', '--project'],
      [{ environment, stored }, 'of-imagery', 'environment', 'IMAGERY_PROJECT'],
      [
        { environment: { GOOGLE_CLOUD_PROJECT, CLOUDSDK_CORE_PROJECT }, stored },
        'of-google',
        'environment',
        'GOOGLE_CLOUD_PROJECT',
      ],
      [
        { environment: { CLOUDSDK_CORE_PROJECT, IMAGERY_PROJECT: '' }, stored },
        'of-sdk',
        'environment',
        'CLOUDSDK_CORE_PROJECT',
      ],
      [{ stored }, 'of-config', 'config', 'imagery config'],
      [{}, 'of-gcloud', 'gcloud', 'gcloud configuration default'],
    ]
    for (const [given, value, source, from] of sources) {
      expect((await settle(given)).project).toEqual({ value, source, from })
    }
    rmSync(path.join(home, '.config'), { recursive: true })
    expect((await settle()).project).toEqual({ value: 'of-the-key', source: 'credentials', from: '/keys/key.json' })
  })

  test('nothing in the end: the region has a default, and the project is required', async () => {
    const settings = await settle({ credentialsProject: () => Promise.resolve(undefined) })
    expect(settings).toMatchObject({
      project: { value: null, source: 'unset' },
      region: { value: 'us-central1', source: 'default' },
      name: { value: null, source: 'unset' },
    })
    expect(() => resolvedDeployment(settings)).toThrow(expect.objectContaining({ code: 'PROJECT_NOT_SET' }))
  })
})

describe("gcloud's active configuration", () => {
  const own = '[core]\nproject = of-own\n[run]\nregion = europe-west4\n[compute]\nregion = asia-east1\n'

  test('is the one that its file names, and its Cloud Run region overrides its Compute Engine region', async () => {
    gcloud({ default: DEFAULT_CONFIGURATION, own }, 'own\n')
    const { project, region } = await settle()
    expect([project.value, region.value, region.from]).toEqual(['of-own', 'europe-west4', 'gcloud configuration own'])
  })

  test('is the one that CLOUDSDK_ACTIVE_CONFIG_NAME names, in the folder of CLOUDSDK_CONFIG', async () => {
    const folder = path.join(home, 'sdk')
    gcloud({ default: DEFAULT_CONFIGURATION, own }, 'default', folder)
    const environment = { CLOUDSDK_CONFIG: folder, CLOUDSDK_ACTIVE_CONFIG_NAME: 'own' }
    expect((await settle({ environment })).project.value).toBe('of-own')
    expect((await settle({ environment: { CLOUDSDK_CONFIG: folder } })).project.value).toBe('of-gcloud')
  })

  test.each(['NONE', 'lost'])('may be %s and is then ignored', async (active) => {
    gcloud({ default: DEFAULT_CONFIGURATION }, active)
    expect((await settle()).project.source).toBe('credentials')
  })

  test('ignores comments and other sections', async () => {
    gcloud({ default: '# project = no\n[spanner]\nproject = no\n[core]\n;project = no\nproject=of-core\n' })
    expect((await settle()).project.value).toBe('of-core')
  })
})

describe('remembered deployments', () => {
  const west = { projectId: 'my-project', region: 'europe-west1', name: 'test' }
  const east = { projectId: 'my-project', region: 'asia-east1' }

  test('are used without a name if there is only one', async () => {
    const { project, region, name } = await settle({ deployments: [west] })
    expect([project.value, region.value, name.value]).toEqual(['my-project', 'europe-west1', 'test'])
    expect(region.source).toBe('deployment')
  })

  test('count only in the selected project, by flag or gcloud', async () => {
    gcloud({ default: DEFAULT_CONFIGURATION })
    const elsewhere = await settle({ deployments: [west] })
    expect([elsewhere.project.value, elsewhere.region.value]).toEqual(['of-gcloud', 'asia-east1'])
    const there = await settle({ deployments: [west], flags: { project: 'my-project' } })
    expect(there.region.value).toBe('europe-west1')
  })

  test('are ignored when there are several, unless region or name leaves one', async () => {
    const flags = { project: 'my-project' }
    const open = await settle({ deployments: [west, east], flags })
    expect([open.region.source, open.name.value]).toEqual(['default', null])
    const byName = await settle({ deployments: [west, east], flags: { ...flags, name: 'test' } })
    expect(byName.region.value).toBe('europe-west1')
    const unnamed = await settle({ deployments: [west, east], flags: { ...flags, name: '' } })
    expect(resolvedDeployment(unnamed)).toEqual(east)
  })
})

describe('an invalid value', () => {
  test.each([
    ['project', '12345678', /is a project number/, /gcloud projects describe 12345678/],
    ['project', 'My_Project', /is not a valid project ID/, /--project my-project/],
    ['region', 'us-central1-a', /is a zone/, /--region us-central1/],
    ['region', 'EU', /is a BigQuery multi-region/, /--region europe-west1/],
    ['region', 'mars', /is not a Google Cloud region/, /--region us-central1/],
    ['name', 'a-name-of-15-chr', /is not a valid deployment name/, /--name/],
    ['name', 'Test', /is not a valid deployment name/, /--name/],
  ])('is refused in --%s %s, with the expected format', async (setting, value, says, instead) => {
    const flags = { project: 'my-project', [setting]: value }
    await expect(settle({ flags })).rejects.toMatchObject({
      code: 'INVALID_FLAG',
      message: expect.stringMatching(says),
      suggestions: [expect.stringMatching(instead)],
    })
  })

  test('is named with its source if that is not a flag', async () => {
    await expect(settle({ environment: { IMAGERY_PROJECT: 'a' } })).rejects.toMatchObject({
      code: 'INVALID_CONFIGURATION',
      message: expect.stringContaining('IMAGERY_PROJECT'),
    })
  })
})

describe('a suggested command', () => {
  const flagsOf = async (given: Partial<SettingSources>): Promise<string> => {
    const settings = await settle(given)
    return deploymentFlags(resolvedDeployment(settings), settings)
  }

  test('has the project, region and name if any was set for this command only', async () => {
    expect(await flagsOf({ flags: { project: 'my-project' } })).toBe(' --project my-project --region us-central1')
    expect(await flagsOf({ environment: { IMAGERY_NAME: 'test' }, stored: { project: 'my-project' } })).toBe(
      ' --project my-project --region us-central1 --name test',
    )
  })

  test("has no flags if the user's files set everything", async () => {
    expect(await flagsOf({ stored: { project: 'my-project', region: 'europe-west1' } })).toBe('')
  })
})
