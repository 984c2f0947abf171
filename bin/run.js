#!/usr/bin/env node
import module from 'node:module'

module.enableCompileCache?.()
// A reader that has seen enough (`imagery --help | head`) closes the pipe: that is no failure.
process.stdout.on('error', (error) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})
// Not awaited at top level: with the pipe closed early Node would report an unsettled await.
void import('../dist/cli.js').then(({ main }) => main(import.meta.url))
