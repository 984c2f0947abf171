import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type Axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'

/** Debian's Chromium. The headless shell comes first: it renders pages in the same way without the windows of a desktop. */
const DEBIAN = ['/usr/bin/chromium-headless-shell', '/usr/bin/chromium']

/** The browser that IMAGERY_CHROMIUM names, or Debian's. */
export const CHROMIUM = process.env['IMAGERY_CHROMIUM'] ?? DEBIAN.find((file) => existsSync(file)) ?? DEBIAN[0]!

/** Why the tests in a browser cannot run; undefined if they can. */
export const NO_BROWSER = existsSync(CHROMIUM)
  ? undefined
  : `there is no ${CHROMIUM}: apt-get install --no-install-recommends chromium-headless-shell, or set IMAGERY_CHROMIUM`

/** CI sets this, so that tests that cannot run there are a failure. */
export const IS_BROWSER_REQUIRED = process.env['IMAGERY_REQUIRE_BROWSER'] === '1'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A request for any other host fails here, before it leaves the machine.
  '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
]

let browser: Promise<Browser> | undefined

async function launch(): Promise<Browser> {
  const { chromium } = await import('playwright-core')
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: FLAGS })
}

/** Ends the browser. */
export async function closeBrowser(): Promise<void> {
  const running = await browser?.catch(() => undefined)
  browser = undefined
  await running?.close()
}

/** A page in a window of its own, whose requests and errors are recorded. */
export interface WatchedPage {
  page: Page
  /** Addresses of requests that went to another machine, or were about to. */
  left: string[]
  /** Errors of scripts, and what the content security policy refused. */
  faults: string[]
  /** Checks that no request left the machine and no script failed, and closes the page. */
  close(): Promise<void>
}

/** Opens an empty page in the browser that all tests share. */
export async function newPage(options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await (await (browser ??= launch())).newContext({ reducedMotion: 'reduce', ...options })
  const left: string[] = []
  const faults: string[] = []
  const note = (address: string): void => {
    if (!isLocal(address)) left.push(address)
  }
  context.on('request', (request) => note(request.url()))
  const page = await context.newPage()
  page.on('websocket', (socket) => note(socket.url()))
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text())
  })
  return {
    page,
    left,
    faults,
    async close() {
      await context.close()
      if (left.length > 0) throw new Error(`Requests left the machine: ${left.join(', ')}`)
      if (faults.length > 0) throw new Error(`The page failed: ${faults.join('; ')}`)
    },
  }
}

/** Whether an address is on this machine, or is no address of a machine. */
function isLocal(address: string): boolean {
  const { protocol, hostname } = new URL(address)
  return ['file:', 'data:', 'blob:', 'about:'].includes(protocol) || hostname === '127.0.0.1'
}

let axe: Promise<string> | undefined

/**
 * Returns the serious and critical faults that axe finds in a page, one line each.
 *
 * @param rules only these; all without
 */
export async function accessibilityFaults(page: Page, rules?: string[]): Promise<string[]> {
  axe ??= readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  // A page that shows another screen still has it.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(await axe)
  const violations = await page.evaluate(async (rules) => {
    const { axe } = globalThis as unknown as { axe: typeof Axe }
    const only = rules === undefined ? {} : { runOnly: { type: 'rule' as const, values: rules } }
    return (await axe.run({ resultTypes: ['violations'], ...only })).violations
  }, rules)
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join(' ')}`)
}
