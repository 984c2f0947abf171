/** One entry of a lock file's `packages` (https://docs.npmjs.com/cli/configuring-npm/package-lock-json#packages). */
interface LockedPackage {
  version?: string
  dependencies?: Record<string, string>
  optionalDependencies?: Record<string, string>
  [field: string]: unknown
}

export interface PackageLock {
  name: string
  version: string
  lockfileVersion: number
  packages: Record<string, LockedPackage>
}

/**
 * The part of the project's lock that `names` need, as the lock of a separate package: the container
 * installs exactly the tested versions, verified by hash.
 *
 * @param manifest the package.json that the lock belongs to
 */
export function lockOf(
  lock: PackageLock,
  manifest: { name: string; version: string; dependencies: object },
  names: readonly string[],
): object {
  const needed = new Map<string, LockedPackage>()
  const visit = (name: string, from: string, isOptional: boolean): void => {
    const place = resolve(lock, name, from)
    if (place === undefined) {
      if (isOptional) return
      throw new Error(`package-lock.json has no ${name}, which ${from || 'the runtime'} needs`)
    }
    const locked = lock.packages[place.key]
    if (!locked || needed.has(place.key)) return
    needed.set(place.key, locked)
    for (const dependency of Object.keys(locked.dependencies ?? {})) visit(dependency, place.key, isOptional)
    for (const dependency of Object.keys(locked.optionalDependencies ?? {})) visit(dependency, place.key, true)
  }
  for (const name of names) visit(name, '', false)
  const { name, version, dependencies } = manifest
  const packages = Object.fromEntries([...needed].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  return {
    name,
    version,
    lockfileVersion: lock.lockfileVersion,
    requires: true,
    packages: { '': { name, version, dependencies }, ...packages },
  }
}

/** Node's own lookup: in the package's node_modules, then in those of the folders above it. */
function resolve(lock: PackageLock, name: string, from: string): { key: string } | undefined {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const key = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`
    if (lock.packages[key]) return { key }
    if (folder === '') return undefined
  }
}
