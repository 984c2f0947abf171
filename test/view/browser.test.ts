import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { accessibilityFaults, closeBrowser, IS_BROWSER_REQUIRED, newPage, NO_BROWSER } from './browser.ts'
import { startHostileRun, type RunUser } from './hostile-run.ts'
import { reportTests } from './report-tests.ts'

test.runIf(IS_BROWSER_REQUIRED)('CI has a browser, so that nothing below is skipped', () => {
  expect(NO_BROWSER).toBeUndefined()
})

const skipped = NO_BROWSER === undefined ? '' : ` (skipped: ${NO_BROWSER})`

// One file for everything in a browser, so that all of it shares one browser, one local cloud and one run.
describe.skipIf(NO_BROWSER !== undefined)(`in Chromium${skipped}`, () => {
  let run: RunUser | undefined

  beforeAll(async () => {
    run = await startHostileRun()
  })

  afterAll(async () => {
    await closeBrowser()
    await run?.user.leave()
  })

  test('the harness notices requests that leave the machine, scripts that fail, and what axe finds', async () => {
    const watched = await newPage()
    await watched.page.setContent(
      '<!doctype html><title>t</title><img src="https://images.example/pole.jpg"><script>throw new Error("broken")</script>',
    )
    expect(watched.left).toEqual(['https://images.example/pole.jpg'])
    expect(watched.faults).toContain('broken')
    expect((await accessibilityFaults(watched.page)).join('\n')).toContain('image-alt')
    await expect(watched.close()).rejects.toThrow('images.example')
  })

  reportTests(() => run!)
})
