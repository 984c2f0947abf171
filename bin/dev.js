#!/usr/bin/env node
// Runs the commands from src/ as they are, by Node's own type stripping: no build, no manifest.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { execute } from '@oclif/core'

const root = fileURLToPath(new URL('..', import.meta.url))
const pjson = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
pjson.oclif = {
  ...pjson.oclif,
  commands: './src/commands',
  helpClass: './src/cli/help',
  hooks: { command_not_found: './src/cli/command-not-found' },
}
void execute({ dir: import.meta.url, loadOptions: { root, pjson, ignoreManifest: true } })
