import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Sorts the commands in oclif.manifest.json: oclif lists them in file system order, so the committed
 * file would differ between machines.
 */
const file = new URL('../oclif.manifest.json', import.meta.url)
const manifest = JSON.parse(readFileSync(file, 'utf8')) as { commands: Record<string, unknown> }
manifest.commands = Object.fromEntries(Object.entries(manifest.commands).toSorted(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`)
