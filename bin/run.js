#!/usr/bin/env node
import { readlinkSync } from 'node:fs'
import module from 'node:module'

module.enableCompileCache?.()
process.stdout.on('error', (error) => {
  // A reader that has seen enough (`imagery --help | head`) closes the pipe: that is no failure.
  if (error.code === 'EPIPE') process.exit(0)
  const [, reason] = /^E\w+: (.+), \w+$/.exec(error.message) ?? []
  const words = reason === undefined ? error.message : `${reason} (${error.code})`
  process.stderr.write(`Error The output${outputName()} cannot be written: ${words} [FILE_NOT_WRITABLE]\n`)
  process.exit(1)
})
// Progress and messages that cannot be written have nowhere to say so, and the work goes on without them.
process.stderr.on('error', () => undefined)

/** Where the output goes, with a space before, where the system tells. */
function outputName() {
  try {
    return ` ${readlinkSync('/proc/self/fd/1')}`
  } catch {
    return ''
  }
}

// Not awaited at top level: with the pipe closed early Node would report an unsettled await.
void import('../dist/cli.js').then(({ main }) => main(import.meta.url))
