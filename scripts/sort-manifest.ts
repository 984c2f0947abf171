import { readFileSync, writeFileSync } from 'node:fs'

/**
 * Puts the commands of oclif.manifest.json in order: oclif lists them as the file system happens
 * to, so that the committed file would differ from one machine to the next.
 */
const file = new URL('../oclif.manifest.json', import.meta.url)
const manifest = JSON.parse(readFileSync(file, 'utf8')) as { commands: Record<string, unknown> }
manifest.commands = Object.fromEntries(Object.entries(manifest.commands).toSorted(([a], [b]) => (a < b ? -1 : 1)))
writeFileSync(file, `${JSON.stringify(manifest, null, 2)}\n`)
