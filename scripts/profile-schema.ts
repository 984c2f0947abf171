import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { profileJsonSchema, SCHEMA_FILE } from '../src/profiles/profile-schema.ts'

// node scripts/profile-schema.ts: the published JSON Schema of profiles. A test checks that it is up to
// date.
const file = path.join(fileURLToPath(new URL('..', import.meta.url)), SCHEMA_FILE)
mkdirSync(path.dirname(file), { recursive: true })
writeFileSync(file, `${JSON.stringify(profileJsonSchema(), null, 2)}\n`)
