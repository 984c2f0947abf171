import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { BrowserContextOptions, Page } from 'playwright-core'
import type { Mark } from '@imagery/viewer/contract/review'
import type { ServedRun } from '../services/view/served-run.ts'
import { accessibilityFaults, closeBrowser, newPage, NO_BROWSER, type WatchedPage } from './browser.ts'
import { COMPARISON } from './comparison.ts'
import { FORMULA, SCRIPT, servePoles } from './viewed-poles.ts'

/** How much wider than the window the page and what scrolls in it are, in pixels. Tables scroll by themselves. */
const OVERFLOW = `Math.max(...['html', '.body', 'main'].map((each) => document.querySelector(each)).map((each) => each.scrollWidth - window.innerWidth))`

let served: ServedRun
let watched: WatchedPage

const skipped = NO_BROWSER === undefined ? '' : ` (skipped: ${NO_BROWSER})`

/** Opens a screen, or a whole state of the page. */
async function open(hash: string, options: BrowserContextOptions = {}): Promise<Page> {
  watched = await newPage(options)
  const { page } = watched
  await page.goto(served.server.url)
  await page.goto(new URL(`/${hash}`, served.server.url).href)
  await page.locator('h1').waitFor()
  return page
}

/** The rows of the table's page, as texts. */
const rows = (page: Page): Promise<string[]> => page.locator('.grid-body [role=row]').allInnerTexts()
const kept = (page: Page) => page.locator('.kept:not(.stale)')

describe.skipIf(NO_BROWSER !== undefined)(`the screens of imagery view in Chromium${skipped}`, () => {
  beforeAll(async () => {
    served = await servePoles()
  })
  afterEach(() => watched.close())
  afterAll(async () => {
    await served.close()
    await closeBrowser()
  })

  test('the overview counts, and each bar filters: filters combine, live in the address, and go back', async () => {
    const page = await open('')
    const chart = (name: string) => page.getByRole('region', { name: `Chart of ${name}` })
    const bar = (name: string, value: string) => chart(name).getByRole('button', { name: new RegExp(`^${value}`) })
    await chart('condition').waitFor()
    expect(await page.locator('.tile').allInnerTexts()).toEqual(
      expect.arrayContaining([expect.stringMatching(/Answered\s+7\s/), expect.stringMatching(/Failed\s+1\s/)]),
    )
    expect(await page.locator('.tile', { hasText: 'Cost' }).innerText()).toContain('$0.0080')
    expect(await bar('condition', 'good').textContent()).toBe('good: 4 rows, 50% of all')

    await bar('condition', 'good').click()
    await expect.poll(() => kept(page).innerText()).toBe('4 of 8 rows')
    expect(await bar('leans', 'true').textContent()).toContain('1 of 3 rows')
    // With the keyboard: from the first bar of the chart to the next.
    await bar('leans', 'false').focus()
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('Space')
    await expect.poll(() => kept(page).innerText()).toBe('1 of 8 rows')
    expect(new URLSearchParams(page.url().split('?')[1]).getAll('is.leans')).toEqual(['[true]'])
    expect(await page.locator('.chip').allInnerTexts()).toEqual(['condition is good', 'leans is true'])

    await page.goBack()
    await expect.poll(() => kept(page).innerText()).toBe('4 of 8 rows')
    await page.getByRole('button', { name: 'Remove the filter: condition is good' }).click()
    await expect.poll(() => kept(page).innerText()).toBe('8 rows')
    await bar('leans', 'true').click()
    await expect.poll(() => kept(page).innerText()).toBe('3 of 8 rows')
    // A text whose values are all different has no bars, but can be searched.
    await chart('reason').getByLabel('reason contains').fill('WEATHER')
    await expect.poll(() => kept(page).innerText()).toBe('1 of 8 rows')
    await page.getByRole('button', { name: 'Clear all' }).click()
    await expect.poll(() => kept(page).innerText()).toBe('8 rows')
    expect(await chart('reason').getByLabel('reason contains').inputValue()).toBe('')
    // Heights are 6 to 12: a range by keyboard, then one more bin with Shift.
    const bins = chart('height').locator('.bin')
    const [first, last] = [(await bins.first().boundingBox())!, (await bins.last().boundingBox())!]
    await page.mouse.move(first.x + 1, first.y + 40)
    await page.mouse.down()
    await page.mouse.move(last.x + 1, last.y + 40, { steps: 9 })
    await page.mouse.up()
    await expect.poll(() => kept(page).innerText()).toBe('7 of 8 rows')
    await bins.first().press('Enter')
    await expect.poll(() => kept(page).innerText()).toMatch(/^[1-7] of 8 rows$/)
    expect(await accessibilityFaults(page)).toEqual([])
  })

  test('the table sorts, opens an asset, steps with keys, and copies what no spreadsheet runs', async () => {
    const page = await open('#table', { permissions: ['clipboard-read', 'clipboard-write'] })
    await page.getByRole('button', { name: 'height', exact: true }).click()
    await expect.poll(async () => (await rows(page))[0]).toContain('pole-7')
    await page.getByRole('button', { name: 'height', exact: true }).click()
    await expect.poll(async () => (await rows(page))[0]).toContain('pole-5')
    expect(await page.getByRole('columnheader', { name: 'height' }).getAttribute('aria-sort')).toBe('descending')

    await page.getByRole('button', { name: 'pole-4' }).click()
    const detail = page.getByRole('dialog', { name: 'pole-4' })
    await detail.getByText('2 of 8').waitFor()
    await detail.getByText(FORMULA).first().waitFor()
    await page.keyboard.press('ArrowRight')
    const next = page.getByRole('dialog', { name: 'pole-3' })
    await next.getByText(SCRIPT).first().waitFor()
    expect(await next.locator('.zoom img').getAttribute('src')).toContain('unit=pole-3')
    expect(await page.evaluate('"isHacked" in window')).toBe(false)
    await page.keyboard.press('Escape')
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)

    await page.goto(`${served.server.url.split('/open')[0]}/#table?column=reason`)
    const cell = page.locator('[role=gridcell]', { hasText: '=HYPERLINK' })
    await cell.click()
    await page.locator('.grid').press('Control+c')
    await page.getByText('Copied 1 row.').waitFor()
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(`'${FORMULA}`)
    await page.goto(`${served.server.url.split('/open')[0]}/#table?column=height&is.condition=["fair"]`)
    await expect.poll(() => rows(page)).toHaveLength(2)
    const file = await page.getByRole('link', { name: 'CSV' }).getAttribute('href')
    const exported = await page.request.get(new URL(file!, page.url()).href)
    expect((await exported.text()).trim().split(/\r?\n/)).toEqual(['unit_id,height', 'pole-5,12', 'pole-6,7'])
    expect(await accessibilityFaults(page)).toEqual([])
  })

  test('the search finds texts, and an asset that is not there is an error that says so', async () => {
    const page = await open('#table')
    await page.getByRole('button', { name: 'pole-1' }).waitFor()
    await page.keyboard.press('/')
    await page.keyboard.type('weather')
    await expect.poll(() => rows(page)).toHaveLength(2)
    await expect.poll(() => kept(page).innerText()).toBe('2 of 8 rows')
    await page.keyboard.type('zzz')
    await page.getByText('No row fits the filter').waitFor()
    await page.getByRole('button', { name: 'Clear the filter' }).click()
    await expect.poll(() => rows(page)).toHaveLength(8)
    // Its place is found, so that the keys lead to its neighbors.
    await page.goto(`${served.server.url.split('/open')[0]}/#table?unit=pole-6`)
    await page.getByRole('dialog', { name: 'pole-6' }).getByText('6 of 8').waitFor()
    await page.keyboard.press('k')
    await page.getByRole('dialog', { name: 'pole-5' }).waitFor()
    // The browser logs the refused request, which is no fault of the page.
    await page.goto(`${served.server.url.split('/open')[0]}/#table?unit=pole-99`)
    await page
      .getByRole('alert')
      .getByText(/pole-99/)
      .waitFor()
    watched.faults.length = 0
  })

  test('the gallery shows images beside answers, and the keyboard opens one', async () => {
    const page = await open('#gallery?sort=-height')
    const cards = page.locator('.card')
    await expect.poll(() => cards.count()).toBe(8)
    expect(await cards.first().innerText()).toMatch(/pole-5\s+condition\s+fair/)
    await expect.poll(() => page.evaluate('document.querySelector(".card img").naturalWidth')).toBe(64)
    await cards.first().focus()
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('Enter')
    await page.getByRole('dialog', { name: 'pole-4' }).waitFor()
    await page.keyboard.press('Escape')
    expect(await accessibilityFaults(page)).toEqual([])
  })

  test('an image that cannot be shown says why, and what to do', async () => {
    const page = await open('')
    const error = {
      code: 'IMAGE_UNREADABLE',
      message: 'Your account may not read gs://bucket/pole-2/a.jpg: denied',
      suggestions: ['gcloud storage buckets add-iam-policy-binding gs://bucket'],
    }
    await page.route('**/api/image?unit=pole-2&*', (route) => route.fulfill({ status: 403, json: { error } }))
    await page.route('**/api/image?unit=pole-3&*', (route) =>
      route.fulfill({ contentType: 'image/heic', body: 'heic' }),
    )
    await page.goto(new URL('/#table?unit=pole-2', served.server.url).href)
    const detail = page.getByRole('dialog')
    await detail.getByText(error.message).waitFor()
    await detail.getByText(error.suggestions[0]!).waitFor()
    expect(await accessibilityFaults(page)).toEqual([])
    // The browser itself reports each image that it did not get.
    expect(watched.faults.splice(0).every((fault) => fault.includes('403'))).toBe(true)
    await page.goto(new URL('/#table?unit=pole-3', served.server.url).href)
    await detail.getByText('This browser cannot show an image of this format.').waitFor()
  })

  test('a box on the map filters everything', async () => {
    const page = await open('#map?color=leans')
    await page.locator('.map[data-ready=true]').waitFor()
    await page.getByText('7 assets, 1 without a location').waitFor()
    expect(await page.locator('.legend').innerText()).toContain('true')
    const mode = page.getByRole('button', { name: 'Select an area' })
    if ((await mode.count()) > 0) await mode.click()
    const frame = (await page.locator('.map').boundingBox())!
    // The poles go from the southwest to the northeast: the fourth of seven is in the middle.
    await page.mouse.move(frame.x + frame.width / 2 - 5, frame.y + frame.height - 6)
    await page.mouse.down()
    await page.mouse.move(frame.x + 180, frame.y + frame.height / 2 + 5, { steps: 4 })
    await page.mouse.up()
    await expect.poll(() => kept(page).innerText()).toBe('3 of 8 rows')
    await page.getByRole('link', { name: 'Table' }).click()
    await expect
      .poll(async () => (await rows(page)).map((row) => row.split(/\s/)[0]))
      .toEqual(['pole-1', 'pole-2', 'pole-3'])
  })

  test('a review by keyboard: marks, a right value, accuracy with its interval, undo', async () => {
    const page = await open('#review')
    await page.getByRole('button', { name: 'Start' }).click()
    // The pole that failed has no answer to review.
    await page.getByText('1 of 7').waitFor()
    await page.getByText('Whole answer', { exact: true }).waitFor()
    const accuracy = (name: string) => page.getByRole('row', { name: new RegExp(`^${name}`) }).innerText()
    await page.keyboard.press('1')
    await page.getByText('2 of 7').waitFor()
    await page.getByText('Whole answer', { exact: true }).waitFor()
    // Wilson's interval of 1 of 1 is 20.7 % to 100 %.
    await expect.poll(() => accuracy('whole answer')).toMatch(/100% 1\/1\s+21% – 100%/)
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('2')
    await page.getByLabel('Right value of condition').fill('broken')
    await page.keyboard.press('Enter')
    // Of 1 of 2: 9.5 % to 90.5 %.
    await expect.poll(() => accuracy('condition')).toMatch(/50% 1\/2\s+9\.5% – 91%/)
    const marks = async () =>
      ((await served.ask('/api/marks')).json() as Mark[]).map(({ verdict, columns }) => ({ verdict, columns }))
    await expect.poll(marks).toEqual(
      expect.arrayContaining([
        { verdict: 'right', columns: {} },
        { verdict: null, columns: { condition: { verdict: 'wrong', right_value: 'broken' } } },
      ]),
    )
    expect(await accessibilityFaults(page)).toEqual([])
    // The right value, the verdict of the column, and the whole answer: nothing is left.
    for (let change = 0; change < 3; change += 1) await page.keyboard.press('z')
    await expect.poll(marks).toEqual([])
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
  })

  test('an example of a failure steps through the failures of its cause, and an asset of the map by ID in a sorted table', async () => {
    const page = await open('#overview?sort=-height')
    const example = { unit_id: 'pole-8', error_message: 'Not the schema.' }
    await page.route('**/api/run', async (route) => {
      const run = (await (await route.fetch()).json()) as object
      const failures = [{ cause: 'schema', units: 1, example, next: '' }]
      await route.fulfill({ json: { ...run, failures, prompt: 'Look.\n'.repeat(60) } })
    })
    await page.reload()
    await page.getByRole('button', { name: 'Example: pole-8' }).click()
    const steps = page.getByRole('dialog').locator('.steps')
    await expect.poll(() => steps.innerText()).toBe('1 of 1')
    // A long prompt scrolls by itself, and the keyboard can go to it.
    await page.getByRole('dialog').getByText('Prompt').click()
    expect(await accessibilityFaults(page, ['scrollable-region-focusable'])).toEqual([])
    await page.keyboard.press('Escape')
    await page.getByRole('link', { name: 'Map' }).click()
    await page.locator('.map[data-ready=true]').waitFor()
    await page.evaluate("location.hash += '&unit=pole-5&among='")
    await expect.poll(() => steps.innerText()).toBe('5 of 8')
    await page.keyboard.press('ArrowRight')
    await page.getByRole('dialog', { name: 'pole-6' }).waitFor()
  })

  test('the comparison shows agreement by column, and the assets that the two runs see differently', async () => {
    const page = await open('#overview')
    await page.route('**/api/compare', (route) => route.fulfill({ json: COMPARISON }))
    await page.reload()
    await page.getByRole('link', { name: 'Compare' }).click()
    const row = page.getByRole('row', { name: /^condition/ })
    expect(await row.first().innerText()).toMatch(/condition\s+75%[\s\S]*30% – 95%[\s\S]*3 of 4\s+0\.50/)
    await page.getByText('p', { exact: true }).waitFor()
    await page.getByRole('button', { name: 'pole-5' }).click()
    // Next and previous are the other examples, not the assets around it.
    await page.getByRole('dialog', { name: 'pole-5' }).getByText('1 of 1').waitFor()
    await page.goBack()
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
    expect(await accessibilityFaults(page)).toEqual([])
    await page.setViewportSize({ width: 360, height: 740 })
    expect(await page.evaluate(OVERFLOW)).toBe(0)
  })

  test.each(['light', 'dark'] as const)(
    'a %s phone shows every screen without a sideways scroll',
    async (colorScheme) => {
      const page = await open('', { colorScheme, viewport: { width: 360, height: 740 } })
      for (const screen of ['Gallery', 'Map', 'Table', 'Review', 'Overview']) {
        await page.getByRole('link', { name: screen }).click()
        await page.locator(`.shell.screen-${screen.toLowerCase()}`).waitFor()
        await page.locator('.card, .map[data-ready=true], .grid-body .open, .plan, .chart').first().waitFor()
        const overflow = await page.evaluate(OVERFLOW)
        expect([screen, overflow]).toEqual([screen, 0])
        // The run's name and the tools share a line, above the screens.
        expect((await page.locator('.header').boundingBox())?.height).toBeLessThan(84)
        expect([screen, await accessibilityFaults(page)]).toEqual([screen, []])
      }
    },
  )
})
