import { spawn } from 'node:child_process'

/** The program that opens an address in the user's browser, with its arguments before the address. */
const OPENERS: Readonly<Partial<Record<NodeJS.Platform, readonly [string, ...string[]]>>> = {
  darwin: ['open'],
  // `start` is part of the shell, which would read an `&` in an address; this program is not.
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

/** An opener that has not failed by then has become the browser itself, or has passed the address to it. */
const OPENER_MS = 3_000

/**
 * Opens an address in the user's browser. Returns false if that failed, as on a machine without a desktop: the user can
 * open the printed address.
 */
export async function openBrowser(address: string): Promise<boolean> {
  const [program, ...before] = OPENERS[process.platform] ?? ['xdg-open']
  const opener = spawn(program, [...before, address], { stdio: 'ignore', detached: true })
  opener.unref()
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(true), OPENER_MS)
    const end = (isOpen: boolean): void => {
      clearTimeout(timer)
      resolve(isOpen)
    }
    opener.once('error', () => end(false))
    opener.once('exit', (code) => end(code === 0))
  })
}
