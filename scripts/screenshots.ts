import { once } from 'node:events'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrowserContextOptions, Page } from 'playwright-core'
import sharp from 'sharp'
import { newUser, type ImageryUser } from '../test/cli/imagery-process.ts'
import { closeBrowser, newPage } from '../test/view/browser.ts'

/**
 * Takes the pictures of the README and the tutorial from the tutorial's own runs: `node scripts/screenshots.ts`, after
 * `npm run build`. Needs Chromium.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const PICTURES = path.join(root, 'docs', 'pictures')
const SAMPLE = path.join(root, 'samples', 'street-signs')

/** More pixels than the page has, so that the pictures are sharp on most screens. */
const WINDOW: BrowserContextOptions = { viewport: { width: 1_180, height: 740 }, deviceScaleFactor: 1.5 }

const user = await newUser()
try {
  await rm(PICTURES, { recursive: true, force: true })
  await mkdir(PICTURES)
  const first = await runProfile('road-signs', 'answers.jsonl')
  const second = await runProfile(path.join(SAMPLE, 'better-prompt.yaml'), 'answers-better-prompt.jsonl')
  const view = await startView(user, [first, '--compare', second])
  try {
    await takeAll(view.url)
  } finally {
    view.stop()
    await view.ended
  }
} finally {
  await closeBrowser()
  await user.leave()
}

/** @returns the run's ID */
async function runProfile(profile: string, answers: string): Promise<string> {
  const table = ['--table', path.join(SAMPLE, 'observations.jsonl'), '--where', "asset_type = 'ASSET_CLASS_ROAD_SIGN'"]
  const question = ['--profile', profile, '--unit', 'observation', '--keep', 'capture_time']
  const gemini = ['--gemini', `replay:${path.join(SAMPLE, answers)}`]
  const { json } = await user.run(['run', '--local', ...table, ...question, ...gemini, '--json'])
  return (json() as { run_id: string }).run_id
}

async function startView(
  { start }: ImageryUser,
  words: string[],
): Promise<{ url: string; stop: () => void; ended: Promise<unknown> }> {
  const { process: view, outcome } = start(['view', ...words, '--local', '--no-open', '--json'])
  let text = ''
  while (!text.trimEnd().endsWith('}')) {
    const [part] = (await once(view.stdout!, 'data')) as [Buffer]
    text += part.toString()
  }
  const { url } = JSON.parse(text) as { url: string }
  return { url, stop: () => void view.kill('SIGINT'), ended: outcome }
}

async function takeAll(url: string): Promise<void> {
  await take('overview', url, '#overview', (page) => page.locator('.bar').first().waitFor())
  await take('overview-dark', url, '#overview', (page) => page.locator('.bar').first().waitFor(), {
    colorScheme: 'dark',
  })
  await take('gallery', url, '#gallery', imagesAreThere)
  await take('map', url, '#map?color=category', (page) => page.locator('.map[data-ready=true]').waitFor())
  await take('detail', url, '#gallery', async (page) => {
    await page.locator('.card').nth(2).click()
    await page.getByRole('dialog').locator('img').first().waitFor()
    await imagesAreThere(page)
  })
  const plan = JSON.stringify({ size: 10, strata: 'category', seed: 'july', unmarked_only: false })
  await take('review', url, `#review?draw=${encodeURIComponent(plan)}`, imagesAreThere)
  await take('compare', url, '#compare', imagesAreThere)
}

/** Takes one picture of a screen as it is when `ready` is done. */
async function take(
  name: string,
  url: string,
  hash: string,
  ready: (page: Page) => Promise<unknown>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const { page, close } = await newPage({ ...WINDOW, ...options })
  await page.goto(url)
  await page.goto(new URL(`/${hash}`, url).href)
  await ready(page)
  const picture = await page.screenshot()
  await close()
  // A palette is enough for flat colors, and makes the file a third as large.
  const small = await sharp(picture).png({ palette: true, quality: 90, effort: 10 }).toBuffer()
  await writeFile(path.join(PICTURES, `${name}.png`), small)
  console.log(`docs/pictures/${name}.png  ${Math.round(small.length / 1_000)} kB`)
}

async function imagesAreThere(page: Page): Promise<void> {
  await page.locator('img').first().waitFor()
  const onScreen = '[...document.images].filter((image) => image.getBoundingClientRect().top < innerHeight)'
  await page.evaluate(`Promise.all(${onScreen}.map((image) => image.decode()))`)
}
