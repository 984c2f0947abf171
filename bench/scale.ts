/**
 * What limits runs from 100 to 100 million assets, how long they take, what they cost and what BigQuery reads for them, by a
 * simulation that takes seconds: `node bench/scale.ts [--write]`. `--write` puts the tables into docs/scale.md; a test
 * compares them.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { SCALE_TABLES, withScaleTables } from './scale/tables.ts'

const PAGE = fileURLToPath(new URL('../docs/scale.md', import.meta.url))

if (process.argv.includes('--write')) writeFileSync(PAGE, withScaleTables(readFileSync(PAGE, 'utf8')))
for (const [name, table] of Object.entries(SCALE_TABLES)) console.log(`\n${name}\n\n${table()}`)
