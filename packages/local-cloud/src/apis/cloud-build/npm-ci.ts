import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { DockerfileError } from './dockerfile.ts'

const require = createRequire(import.meta.url)

/** Options of `npm ci` without an effect here, and options that exclude development packages. */
const HARMLESS_OPTIONS =
  /^--(ignore-scripts|no-audit|no-fund|audit=false|fund=false|loglevel=\w+|silent|quiet|prefer-offline)$/
const PRODUCTION_OPTIONS = /^--(omit=dev|only=prod(uction)?|production)$/

/** `npm cache clean` and similar commands: there is no cache here to clean. */
const CACHE_CLEAN = /^npm cache clean( --force)?$/

interface Manifest {
  dependencies?: unknown
  devDependencies?: unknown
}

/**
 * RUN of a Dockerfile, which runs a shell on Google. Here it supports only `npm ci`, possibly with
 * `&& npm cache clean --force`: every other command is refused by name.
 *
 * Nothing is downloaded: each dependency is a link to the same version in this program's own
 * node_modules.
 *
 * @param folder the working directory, on this machine
 * @throws DockerfileError
 */
export function runCommand(command: string, folder: string, environment: Readonly<Record<string, string>>): void {
  const [first = '', ...others] = command.split('&&').map((part) => part.trim().replaceAll(/\s+/g, ' '))
  const [program, subcommand, ...options] = first.split(' ')
  const stranger = options.find((option) => !HARMLESS_OPTIONS.test(option) && !PRODUCTION_OPTIONS.test(option))
  if (
    program !== 'npm' ||
    subcommand !== 'ci' ||
    stranger !== undefined ||
    !others.every((part) => CACHE_CLEAN.test(part))
  ) {
    throw new DockerfileError(
      `RUN ${command}: the local cloud runs no shell; only "npm ci" is emulated, with the options of installing for production`,
    )
  }
  const isProduction =
    environment['NODE_ENV'] === 'production' || options.some((option) => PRODUCTION_OPTIONS.test(option))
  npmCi(folder, isProduction)
}

function npmCi(folder: string, isProduction: boolean): void {
  // https://docs.npmjs.com/cli/commands/npm-ci: it needs a matching lock file, and starts without node_modules.
  const manifest = readJson(folder, 'package.json') as Manifest | undefined
  const lock = readJson(folder, 'package-lock.json') as { packages?: Record<string, Manifest> } | undefined
  if (!manifest || !lock?.packages) {
    throw new DockerfileError(
      'npm error The `npm ci` command can only install with an existing package-lock.json or npm-shrinkwrap.json with lockfileVersion >= 1.',
    )
  }
  const wanted = dependencies(manifest, isProduction)
  const locked = dependencies(lock.packages[''] ?? {}, isProduction)
  for (const name of new Set([...Object.keys(wanted), ...Object.keys(locked)])) {
    if (wanted[name] === locked[name]) continue
    throw new DockerfileError(
      'npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync. ' +
        `${name} is ${locked[name] ?? 'missing'} in the lock and ${wanted[name] ?? 'missing'} in package.json.`,
    )
  }
  rmSync(path.join(folder, 'node_modules'), { recursive: true, force: true })
  for (const [name, version] of Object.entries(wanted)) link(folder, name, version)
}

function dependencies(manifest: Manifest, isProduction: boolean): Record<string, string> {
  const all = { ...asMap(manifest.dependencies), ...(isProduction ? {} : asMap(manifest.devDependencies)) }
  for (const name of Object.keys(all)) {
    if (!/^(@[a-z0-9~-][\w.~-]*\/)?[a-z0-9~-][\w.~-]*$/.test(name)) {
      throw new DockerfileError(`npm error package.json: "${name}" is not a package name`)
    }
  }
  return all
}

function asMap(value: unknown): Record<string, string> {
  const isMap =
    typeof value === 'object' && value !== null && Object.values(value).every((version) => typeof version === 'string')
  if (value !== undefined && !isMap) {
    throw new DockerfileError('npm error package.json: dependencies must map names to versions')
  }
  return (value ?? {}) as Record<string, string>
}

function link(folder: string, name: string, version: string): void {
  const installed = installedPackage(name)
  if (!installed)
    throw new DockerfileError(`npm error package.json asks for ${name}@${version}, which is not installed here`)
  if (installed.version !== version) {
    throw new DockerfileError(
      `npm error package.json asks for ${name}@${version}, but ${installed.version} is installed here: ask for exactly that version`,
    )
  }
  const target = path.join(folder, 'node_modules', name)
  mkdirSync(path.dirname(target), { recursive: true })
  // A junction needs no privilege on Windows; elsewhere the type is ignored.
  symlinkSync(installed.directory, target, 'junction')
}

/** Found by its directory, not by resolving it: a package may hide its package.json from `exports`. */
function installedPackage(name: string): { directory: string; version: string } | undefined {
  for (const folder of require.resolve.paths(name) ?? []) {
    const directory = path.join(folder, name)
    const manifest = readJson(directory, 'package.json') as { version: string } | undefined
    if (manifest) return { directory, version: manifest.version }
  }
  return undefined
}

function readJson(folder: string, name: string): unknown {
  const file = path.join(folder, name)
  if (!existsSync(file)) return undefined
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new DockerfileError(`npm error ${name}: ${(error as Error).message}`, { cause: error })
  }
}
