import { cp, mkdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { ImageryError } from '../../contracts/errors.ts'
import { withScratchFolder } from '../source/scratch-folder.ts'
import { filesBelow, isFolder, runtimeSource, type SourceTree } from './source-archive.ts'

/** A package in a lock file (https://docs.npmjs.com/cli/configuring-npm/package-lock-json#packages). */
interface LockedPackage {
  version?: string
  optional?: boolean
  os?: string[]
  cpu?: string[]
  libc?: string[]
}

/** The platform of Cloud Run's base images (https://cloud.google.com/run/docs/container-contract#languages). */
const CLOUD_RUN = { os: 'linux', cpu: 'x64', libc: 'glibc' } as const

/**
 * Provides the runtime with the packages that it needs, for a deploy without a build, in which Google
 * does not run npm. The packages come from imagery's own installation if its platform matches Cloud
 * Run's, and from the npm registry otherwise.
 *
 * @throws ImageryError DEPLOYMENT_FAILED when npm cannot fetch them
 */
export async function withPlainSource<Result>(
  runtimeFolder: string,
  work: (tree: SourceTree) => Promise<Result>,
): Promise<Result> {
  return withScratchFolder('imagery-deploy-', async (folder) => {
    for (const file of (await runtimeSource(runtimeFolder)).files) {
      await mkdir(path.dirname(path.join(folder, file)), { recursive: true })
      await cp(path.join(runtimeFolder, file), path.join(folder, file))
    }
    if (!(await copyInstalled(runtimeFolder, folder))) await fetchPackages(folder)
    return work({ folder, files: await filesBelow(folder) })
  })
}

/** Copies the locked packages from imagery's own installation. Returns whether all are there, in the locked versions. */
async function copyInstalled(runtimeFolder: string, folder: string): Promise<boolean> {
  if (!isCloudRunsKind()) return false
  const copies = new Map<string, string>()
  for (const [place, locked] of Object.entries(await neededPackages(runtimeFolder))) {
    const installed = await installedPackage(place, locked)
    // npm left out a package that is optional on every platform for a reason.
    if (installed === undefined && locked.optional && !locked.os) continue
    if (installed === undefined) return false
    copies.set(path.join(folder, ...place.split('/')), installed)
  }
  for (const [target, installed] of copies) {
    const isOwnFile = (file: string): boolean =>
      !path.relative(installed, file).split(path.sep).includes('node_modules')
    await cp(installed, target, { recursive: true, dereference: true, filter: isOwnFile })
  }
  return true
}

function isCloudRunsKind(): boolean {
  if (process.platform !== CLOUD_RUN.os || process.arch !== CLOUD_RUN.cpu) return false
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } }
  return header.glibcVersionRuntime !== undefined
}

/** Returns packages by their paths in the lock file, such as `node_modules/sharp`. */
async function neededPackages(runtimeFolder: string): Promise<Record<string, LockedPackage>> {
  const { packages } = JSON.parse(await readFile(path.join(runtimeFolder, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>
  }
  return Object.fromEntries(
    Object.entries(packages).filter(
      ([place, { os: systems, cpu, libc }]) =>
        place !== '' &&
        (systems?.includes(CLOUD_RUN.os) ?? true) &&
        (cpu?.includes(CLOUD_RUN.cpu) ?? true) &&
        (libc?.includes(CLOUD_RUN.libc) ?? true),
    ),
  )
}

async function installedPackage(place: string, { version }: LockedPackage): Promise<string | undefined> {
  const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length)
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const candidate = path.join(folder, name)
    if (!(await isFolder(candidate))) continue
    const manifest = JSON.parse(await readFile(path.join(candidate, 'package.json'), 'utf8')) as { version?: string }
    return manifest.version === version ? candidate : undefined
  }
  return undefined
}

/** npm needs at most minutes for the few packages of the runtime, even on a slow connection. */
const NPM_TIMEOUT_MS = 5 * 60_000

async function fetchPackages(folder: string): Promise<void> {
  const { execa } = await import('execa')
  const target = [`--os=${CLOUD_RUN.os}`, `--cpu=${CLOUD_RUN.cpu}`, `--libc=${CLOUD_RUN.libc}`]
  const args = ['ci', '--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', ...target]
  try {
    await execa('npm', args, { cwd: folder, timeout: NPM_TIMEOUT_MS, stdin: 'ignore' })
  } catch (error) {
    const { stderr, shortMessage } = error as { stderr?: string; shortMessage?: string }
    const reason = stderr?.trim().split('\n').slice(-3).join(' ') || shortMessage || String(error)
    throw new ImageryError(
      'DEPLOYMENT_FAILED',
      `A deploy with --no-build must include the packages for Cloud Run, and npm could not download them: ${reason}`,
      { suggestions: ['imagery deploy   (without --no-build: Google installs them)'], cause: error },
    )
  }
}
