import { afterAll, describe, expect, test } from 'vitest'
import { accessibilityFaults, closeBrowser, IS_BROWSER_REQUIRED, newPage, NO_BROWSER } from './browser.ts'

afterAll(closeBrowser)

test.runIf(IS_BROWSER_REQUIRED)('CI has a browser, so that nothing below is skipped', () => {
  expect(NO_BROWSER).toBeUndefined()
})

const skipped = NO_BROWSER === undefined ? '' : ` (skipped: ${NO_BROWSER})`

describe.skipIf(NO_BROWSER !== undefined)(`in Chromium${skipped}`, () => {
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
})
