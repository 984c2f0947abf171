import { readdirSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { ROOT, type Outcome } from '../cli/imagery-process.ts'
import { accessibilityFaults, newPage, type WatchedPage } from './browser.ts'
import { HOSTILE, type RunUser } from './hostile-run.ts'

const PHOTOS = readdirSync(path.join(ROOT, 'samples', 'street-signs', 'images'))

const SCREENS = ['overview', 'gallery', 'map', 'table'] as const

/** @param prepared the run that all tests share */
export function reportTests(prepared: () => RunUser): void {
  describe('a report of the sample', () => {
    let written: Outcome
    let file: string

    beforeAll(async () => {
      const { user, runId } = prepared()
      written = await user.run(['report', runId, '--local', '--json'])
      file = path.join(user.folder, `${runId}.html`)
    })

    const addressOf = (hash: string): string => `${pathToFileURL(file).href}${hash}`

    const open = async (hash = '', options: BrowserContextOptions = {}): Promise<WatchedPage> => {
      const watched = await newPage(options)
      await watched.page.goto(addressOf(hash))
      await watched.page.locator('.shell').waitFor()
      return watched
    }

    test('is one file, whose size and content the command says', async () => {
      const { runId } = prepared()
      expect(written.stderr).toBe('')
      expect(written.json()).toEqual({
        run_id: runId,
        file: `${runId}.html`,
        bytes: (await stat(file)).size,
        rows: 17,
        embed: 'thumbnails',
        images: { named: 37, embedded: 32, missing: 4, denied: 0, unreadable: 1, left_out: 0 },
      })
      expect(written.warnings()).toEqual([
        '4 images are not there any more, so the report is without',
        '1 image is not readable, so the report is without',
      ])
      // The licenses of the packages in it ask to be in every copy.
      expect(await readFile(file, 'utf8')).toMatch(/## react - [\d.]+ \(MIT\)[^<]*Permission is hereby granted/)
    })

    test('shows the figures of the run, and a filter by click stays in the address', async () => {
      const { page, close } = await open()
      const tile = (name: string): Promise<string | null> =>
        page.locator('.tile', { hasText: name }).locator('.tile-value').textContent()
      expect(await page.title()).toBe(`${prepared().runId} · imagery`)
      expect([await tile('Answered'), await tile('Failed'), await tile('Pending')]).toEqual(['12', '5', '0'])
      const verdicts = page.getByRole('group', { name: 'Values of verdict' })
      expect(
        await verdicts.locator('.bar').evaluateAll((bars) => bars.map((bar) => bar.getAttribute('title'))),
      ).toEqual([
        'good: 8 rows, 47% of all',
        'fair: 1 row, 5.9% of all',
        'poor: 2 rows, 12% of all',
        'unusable: 1 row, 5.9% of all',
        'no value: 5 rows, 29% of all',
      ])
      await verdicts.getByRole('button', { name: 'poor' }).click()
      await expectStatus(page, '2 of 17 rows')
      await page.reload()
      await expectStatus(page, '2 of 17 rows')
      await page.getByRole('link', { name: 'Table' }).click()
      await expect.poll(() => page.locator('[data-open]').count()).toBe(2)
      await page.getByRole('button', { name: 'Clear all' }).click()
      await page.getByPlaceholder('Search assets and texts').fill('TOO BRIGHT')
      await expectStatus(page, '1 of 17 rows')
      await close()
    })

    test('shows images, places and one asset whole, from the file alone', async () => {
      const { page, close } = await open('#gallery')
      const image = page.locator('.card img').first()
      await image.waitFor()
      const width = await image.evaluate(async (each) => {
        const loaded = each as unknown as { decode(): Promise<void>; naturalWidth: number }
        await loaded.decode()
        return loaded.naturalWidth
      })
      expect(width).toBe(320)
      for (const place of HOSTILE.keys())
        expect(await page.locator(`.card[data-place="${place}"] .no-thumbnail`).count()).toBe(1)
      await page.getByRole('link', { name: 'Map' }).click()
      await page.locator('canvas.maplibregl-canvas').waitFor()
      await page.getByRole('link', { name: 'Table' }).click()
      await page.locator('[data-open="5"]').click()
      const detail = page.getByRole('dialog')
      await detail.locator('img').first().waitFor()
      expect(await detail.textContent()).toContain(`imagery show ${prepared().runId}`)
      await close()
    })

    test.each(['light', 'dark'] as const)('has no serious accessibility fault in %s colors', async (colorScheme) => {
      const { page, close } = await open('', { colorScheme })
      // Only colors are different in the dark.
      const rules = colorScheme === 'dark' ? ['color-contrast'] : undefined
      for (const screen of SCREENS) {
        await page.goto(addressOf(`#${screen}`))
        await page.locator(`.screen-${screen}`).waitFor()
        expect({ screen, faults: await accessibilityFaults(page, rules) }).toEqual({ screen, faults: [] })
      }
      await close()
    })

    test('shows hostile IDs, values and messages as text, and runs none of them', async () => {
      const { page, close } = await open('#table')
      const text = await readFile(file, 'utf8')
      for (const hostile of HOSTILE) expect(text).not.toContain(hostile)
      for (const screen of SCREENS) {
        await page.goto(addressOf(`#${screen}?search=hostile`))
        await expectStatus(page, '3 of 17 rows')
      }
      for (const hostile of HOSTILE) {
        await page.goto(addressOf(`#table?unit=${encodeURIComponent(`hostile ${hostile}`)}`))
        await expect.poll(() => page.getByRole('dialog').textContent()).toContain(hostile)
      }
      expect(await page.evaluate(() => 'hasRun' in globalThis)).toBe(false)
      await close()
    })

    test('prints without its buttons', async () => {
      const { page, close } = await open()
      const pdf = await page.pdf()
      expect(pdf.subarray(0, 5).toString()).toBe('%PDF-')
      await page.emulateMedia({ media: 'print' })
      expect(await page.getByRole('navigation').isVisible()).toBe(false)
      expect(await page.locator('.tile').first().isVisible()).toBe(true)
      await close()
    })

    test('says so if its end is missing', async () => {
      const cut = path.join(prepared().user.folder, 'cut.html')
      const text = await readFile(file, 'utf8')
      await writeFile(cut, text.slice(0, text.indexOf('data-report="image"')))
      const { page, close } = await newPage()
      await page.goto(pathToFileURL(cut).href)
      await expect.poll(() => page.getByRole('alert').textContent()).toContain('This report is not whole')
      await close()
    })

    test('can have fewer images, the files themselves, or none', async () => {
      const { user, runId } = prepared()
      const report = async (...flags: string[]): Promise<Outcome> =>
        user.run(['report', runId, '--local', '--json', '-o', 'other.html', ...flags])
      const few = await report('--max-images', '3', '--embed', 'full')
      expect(few.json()).toMatchObject({ images: { named: 37, embedded: 3, missing: 3, left_out: 31 } })
      expect(few.warnings().join()).toContain('31 more images are not in the report')
      const [text, photos] = await Promise.all([
        readFile(path.join(user.folder, 'other.html'), 'utf8'),
        Promise.all(PHOTOS.map((name) => readFile(path.join(user.folder, 'images', name), 'base64'))),
      ])
      expect(photos.filter((photo) => text.includes(`>image/jpeg;base64,${photo}</script>`))).toHaveLength(3)
      const none = await report('--embed', 'none')
      expect(none.json()).toMatchObject({ images: { embedded: 0, missing: 0 } })
      expect(await readFile(path.join(user.folder, 'other.html'), 'utf8')).not.toContain('data-report="image"')
      expect((await report('--embed', 'none', '--max-images', '3')).error().code).toBe('INVALID_FLAG')
      for (const [file, suggestion] of [
        ['a.pdf', '-o a.html'],
        ['-', '-o report.html'],
      ] as const) {
        const refused = await user.run(['report', runId, '--local', '--json', '-o', file])
        expect(refused.error()).toMatchObject({ code: 'INVALID_FLAG', suggestions: [suggestion] })
      }
    })
  })
}

async function expectStatus(page: Page, text: string): Promise<void> {
  await expect.poll(() => page.getByRole('status').first().textContent()).toBe(text)
}
