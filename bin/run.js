#!/usr/bin/env node
import module from 'node:module'

module.enableCompileCache?.()
// Not awaited at top level: with the pipe closed early Node would report an unsettled await.
void import('../dist/cli.js').then(({ main }) => main(import.meta.url))
