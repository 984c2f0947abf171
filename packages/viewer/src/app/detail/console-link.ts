/** Links come from data, so only those to Google's console are followed. Returns null for any other. */
export function consoleLink(address: string | null): string | null {
  if (address === null) return null
  try {
    const url = new URL(address)
    const isConsole =
      url.protocol === 'https:' && url.host === 'console.cloud.google.com' && url.username === '' && url.password === ''
    return isConsole ? url.href : null
  } catch {
    return null
  }
}
