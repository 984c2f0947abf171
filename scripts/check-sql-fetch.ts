import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { extract } from 'tar'

/** The check could not run, so it says nothing about the SQL. */
export class CouldNotRun extends Error {
  override readonly name = 'CouldNotRun'
}

/** Google's GoogleSQL analyzer and reference evaluator (https://github.com/google/zetasql), from an npm package. */
const PACKAGE = '@fivetrandevelopers/zetasql@1.13.0'
/** Hash of the package's archive: a downloaded program runs only if it is the reviewed one. */
const SHA512 = 'yX9Apa968np2Tc+Hrf4Bf6Gz77kQVLIDLaNwovM91VBwyDTDF1C6oglUqmlU6Fe5/TVCExsnIueWiPahrYEITQ=='
const ARCHIVE_MB = 112

/** The analyzer's files on this machine. */
export interface AnalyzerFiles {
  program: string
  /** Holds `local_service.proto` and what it imports. */
  protos: string
}

/**
 * Finds the analyzer in the user's cache folder, or downloads it there with npm. Rejects with
 * CouldNotRun if it cannot run or cannot be fetched.
 */
export async function fetchAnalyzer(report: (line: string) => void): Promise<AnalyzerFiles> {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new CouldNotRun(`the analyzer is a program for Linux x64, and this is ${process.platform} ${process.arch}`)
  }
  const cache = path.join(process.env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'imagery')
  const folder = path.join(cache, PACKAGE.replace(/.*\//, ''))
  if (!existsSync(folder)) {
    report(`fetching ${PACKAGE} (${ARCHIVE_MB} MB) into ${folder}`)
    mkdirSync(cache, { recursive: true })
    const temporary = mkdtempSync(path.join(cache, 'fetching-'))
    try {
      await fetchInto(temporary)
      renameSync(path.join(temporary, 'package', 'lib', 'zetasql'), folder)
    } finally {
      rmSync(temporary, { recursive: true, force: true })
    }
  }
  return { program: path.join(folder, 'remote_server.so'), protos: path.join(folder, 'protos') }
}

async function fetchInto(folder: string): Promise<void> {
  try {
    const options = ['pack', PACKAGE, '--pack-destination', folder, '--silent']
    const { stdout } = await promisify(execFile)('npm', options, { timeout: 600_000 })
    const archive = path.join(folder, stdout.trim())
    const found = await digestOf(archive)
    if (found !== SHA512) throw new Error(`its SHA-512 is ${found}, but the reviewed version has ${SHA512}`)
    const wanted = ['package/lib/zetasql/remote_server.so', 'package/lib/zetasql/protos/']
    await extract({ file: archive, cwd: folder, filter: (name) => wanted.some((prefix) => name.startsWith(prefix)) })
  } catch (error) {
    throw new CouldNotRun(`${PACKAGE} could not be fetched: ${(error as Error).message}`, { cause: error })
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha512')
  await pipeline(createReadStream(file), hash)
  return hash.digest('base64')
}
