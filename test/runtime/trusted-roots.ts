import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { giveSigningKey } from '@imagery/local-cloud/test/identity/signing-key-fixture'
import { afterAll } from 'vitest'

/**
 * The data folder of a local cloud in the test's own process. gRPC reads the path of its root certificates when it is
 * loaded, and the local cloud loads it too. So this file is imported before both.
 */
export const DATA_DIR = mkdtempSync(path.join(tmpdir(), 'imagery-local-run-'))

process.env['GRPC_DEFAULT_SSL_ROOTS_FILE_PATH'] = path.join(DATA_DIR, 'identity', 'ca.pem')
// After the file's own hooks, which stop the local cloud. The tests' processes end without an exit event.
afterAll(() => rmSync(DATA_DIR, { recursive: true, force: true }))
await giveSigningKey(DATA_DIR)
