import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { notificationJsonSchema, NOTIFICATION_SCHEMA_FILE } from '../src/contracts/run-notification.ts'

// node scripts/notification-schema.ts: the published JSON Schema of a run's messages. A test checks that it is up to date.
const file = path.join(fileURLToPath(new URL('..', import.meta.url)), NOTIFICATION_SCHEMA_FILE)
writeFileSync(file, `${JSON.stringify(notificationJsonSchema(), null, 2)}\n`)
