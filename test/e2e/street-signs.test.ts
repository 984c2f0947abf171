import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newUser, readText, ROOT, type ImageryUser } from '../cli/imagery-process.ts'
import expected from '../fixtures/street-signs/expected.json' with { type: 'json' }
import { imageQualityRow, rowsDocument, runReport } from './documents.ts'

const SAMPLES = path.join(ROOT, 'samples', 'street-signs')

/** The assets of with-faults.jsonl whose only image is missing, or corrupt (samples/street-signs/README.md). */
const FAULTY = {
  't1:918ebaaa017a129799d0641f7e570cf4:ffff005f': 'images/missing.jpg does not exist',
  't1:e1528cf1c8e0c60b795bf5e76424741e:ffff005f': 'images/corrupt.jpg is cut off: it ends inside its header',
}

const assets = Object.entries(expected.assets)

let user: ImageryUser

beforeAll(async () => {
  user = await newUser({ isWarm: true })
})

afterAll(() => user.leave())

/** Our figures are rounded to 4 decimals, shares to 6 (the profile says so); the independent ones are not. */
function rounded({
  sharpness,
  brightness,
  contrast,
  near_black_share,
  clipped_share,
  ...exact
}: (typeof assets)[number][1]['best']): object {
  return {
    ...exact,
    sharpness: expect.closeTo(sharpness, 3.9),
    brightness: expect.closeTo(brightness, 3.9),
    contrast: expect.closeTo(contrast, 3.9),
    near_black_share: expect.closeTo(near_black_share, 5.9),
    clipped_share: expect.closeTo(clipped_share, 5.9),
  }
}

describe('the first command of the README, on a bare machine', () => {
  test('exits with 0, with a summary on stdout and progress on stderr', async () => {
    const { exitCode, stdout, stderr } = await user.run([
      'run',
      '--local',
      '--table',
      `${SAMPLES}/observations.jsonl`,
      '--profile',
      'image-quality',
    ])
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 0,
      stderr: expect.stringMatching(/✔ Process the assets: 12 ok\n$/),
    })
    expect(stdout).toMatch(/^\nRun \d{6}-[0-9a-f]{8} {2}complete\n/)
    expect(stdout).toContain('Assets   12: 12 ok\n')
    expect(stdout).toMatch(
      /Next\n {2}imagery view \S+ --local\n {2}imagery results \S+ --local\n {2}imagery teardown \S+ --local\n$/,
    )
    expect(stdout + stderr).not.toContain('\u001b')
  })

  test('leaves no local cloud running, and keeps its rows for the next command', async () => {
    await expect
      .poll(async () => (await user.run(['local', 'status', '--json'])).json(), { timeout: 20_000, interval: 500 })
      .toEqual({ running: false })
    await user.startLocalCloud()
    const { rows } = rowsDocument.parse((await user.run(['results', '--local', '--json'])).json())
    const parsed = rows.map((row) => imageQualityRow.parse(row))
    expect(parsed.map(({ asset_id }) => asset_id).toSorted()).toEqual(assets.map(([id]) => id).toSorted())
    for (const [id, { images, best_observation_id, best }] of assets) {
      const row = parsed.find(({ asset_id }) => asset_id === id)
      expect(row, id).toMatchObject({
        ...rounded(best),
        best_observation_id,
        status: 'ok',
        cause: null,
        error_message: null,
        cost_usd: 0,
        model: 'pixels',
      })
      expect(row?.images).toHaveLength(images)
      expect(row?.observation_ids).toHaveLength(images)
      expect(new Set(row?.gcs_uris).size).toBe(images)
    }
  })

  test('keeps the times and places of the table', async () => {
    const lines = (await readText(path.join(SAMPLES, 'observations.jsonl'))).trimEnd().split('\n')
    const source = lines.map(
      (line) => JSON.parse(line) as { asset_id: string; detection_time: string; location: object },
    )
    const { rows } = rowsDocument.parse((await user.run(['results', '--local', '--json'])).json())
    for (const row of rows.map((each) => imageQualityRow.parse(each))) {
      const own = source.filter(({ asset_id }) => asset_id === row.asset_id)
      expect(own.map(({ location }) => location)).toContainEqual(row.location)
      expect(Date.parse(row.detection_time ?? '')).toBe(
        Math.max(...own.map(({ detection_time }) => Date.parse(detection_time))),
      )
    }
  })
})

describe('with broken images in the table', () => {
  test('a run exits with 3 and names the two assets with the reason', async () => {
    const { exitCode, stdout } = await user.run([
      'run',
      '--local',
      '--table',
      `${SAMPLES}/with-faults.jsonl`,
      '--profile',
      'image-quality',
    ])
    expect(exitCode).toBe(3)
    expect(stdout).toContain('Assets   14: 12 ok, 2 failed\n')
    expect(stdout).toContain('Failed: 2 unreadable_image\n')
    const text = stdout.replaceAll(/\s+/g, ' ')
    for (const [asset, reason] of Object.entries(FAULTY)) {
      expect(text).toContain(asset)
      expect(text).toContain(reason)
    }
  })

  test('with --json stdout is one document, stderr is empty, and failed assets have their row', async () => {
    const { exitCode, stderr, json } = await user.run([
      'run',
      '--local',
      '--table',
      `${SAMPLES}/with-faults.jsonl`,
      '--profile',
      'resolution',
      '--json',
    ])
    expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: '' })
    const report = runReport.parse(json())
    expect(report).toMatchObject({
      state: 'complete',
      profile: 'resolution',
      units: { total: 14, ok: 12, failed: 2, pending: 0 },
      causes: { unreadable_image: 2 },
      cost_usd: 0,
    })
    expect(report.failures.map(({ asset_id }) => asset_id)).toEqual(Object.keys(FAULTY))
    expect(Date.parse(report.finished_at ?? '')).toBeGreaterThan(Date.parse(report.started_at))

    const { rows } = rowsDocument.parse((await user.run(['results', report.run_id, '--local', '--json'])).json())
    expect(rows).toHaveLength(14)
    const failed = rows.filter(({ status }) => status === 'failed')
    expect(
      failed
        .map(({ asset_id, cause, width }) => ({ asset_id, cause, width }))
        .toSorted((a, b) => String(a.asset_id).localeCompare(String(b.asset_id))),
    ).toEqual(Object.keys(FAULTY).map((asset_id) => ({ asset_id, cause: 'unreadable_image', width: null })))
    for (const row of rows.filter(({ status }) => status === 'ok')) {
      const { largest } = expected.assets[row['asset_id'] as keyof typeof expected.assets]
      expect(row).toMatchObject(largest)
    }
  })
})
