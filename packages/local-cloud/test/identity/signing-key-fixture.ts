import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { openKeyFiles } from '../../src/apis/identity/key-files.ts'

const FILES = ['signing-key.pem', 'signing.pem']

// Test files that share a process share the key too.
const KEY = Symbol.for('imagery.test.signing-key')
const made = globalThis as { [KEY]?: Promise<readonly Buffer[]> }

/**
 * Gives a new data folder the RSA key that signs tokens. It is made once per process: to make one takes 0.1 s of
 * processor time, and most tests start a local cloud of their own. Each still makes its own certificates.
 */
export async function giveSigningKey(dataDir: string): Promise<void> {
  const identity = path.join(dataDir, 'identity')
  const contents = await (made[KEY] ??= makeKey())
  mkdirSync(identity, { recursive: true, mode: 0o700 })
  for (const [index, name] of FILES.entries()) {
    writeFileSync(path.join(identity, name), contents[index]!, { mode: 0o600 })
  }
}

async function makeKey(): Promise<readonly Buffer[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'imagery-signing-key-'))
  try {
    await openKeyFiles(directory)
    return FILES.map((name) => readFileSync(path.join(directory, name)))
  } finally {
    rmSync(directory, { recursive: true })
  }
}
