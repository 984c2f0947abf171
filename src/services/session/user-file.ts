import { chmodSync, lstatSync } from 'node:fs'
import os from 'node:os'
import type Conf from 'conf'
import { ImageryError } from '../../contracts/errors.ts'
import { makeFolder } from '../local/make-folder.ts'

/** One JSON file in the user's configuration folder, mode 0600. */
export interface UserFile<Content extends object> {
  path: string
  /** Reads or changes the content. @throws ImageryError INVALID_CONFIGURATION that names the file */
  use<Result>(work: (content: Conf<Content>) => Result): Result
}

/**
 * Opens `<name>.json` in a folder, and creates the folder if needed.
 *
 * @param options.remedy what the user can do if the file cannot be used
 * @throws ImageryError INVALID_CONFIGURATION that names the file if it cannot be read or written
 */
export async function openUserFile<Content extends object>(
  directory: string,
  options: { name: string; what: string; remedy: string; defaults: Readonly<Content> },
): Promise<UserFile<Content>> {
  const Store = await loadConf()
  const file = `${directory}/${options.name}.json`
  const guarded = <Result>(work: () => Result): Result => {
    try {
      return work()
    } catch (error) {
      throw new ImageryError(
        'INVALID_CONFIGURATION',
        `The ${options.what} ${file} cannot be used: ${(error as Error).message}`,
        // If the disk or the system refuses a call, the content is not at fault, so do not suggest deleting it.
        { suggestions: [isRefused(error) ? `ls -ld '${file}'` : `rm '${file}'   (${options.remedy})`], cause: error },
      )
    }
  }
  guarded(() => makeFolder(directory))
  const conf = guarded(
    () =>
      new Store<Content>({
        cwd: directory,
        configName: options.name,
        configFileMode: 0o600,
        accessPropertiesByDotNotation: false,
        defaults: options.defaults,
      }),
  )
  // `conf` keeps the mode of an existing file, and an existing folder can have a wider mode.
  guarded(() => closeToOthers(directory, file))
  return { path: file, use: (work) => guarded(() => work(conf)) }
}

/** Removes access for other users. Leaves links, their targets, and entries of other users unchanged. */
function closeToOthers(...entries: readonly string[]): void {
  for (const entry of entries) {
    const status = lstatSync(entry, { throwIfNoEntry: false })
    const isOwn = status?.uid === process.getuid?.() && !status?.isSymbolicLink()
    if (status && isOwn && (status.mode & 0o077) !== 0) chmodSync(entry, status.mode & 0o700)
  }
}

/** Whether the system refused a call, for example because the disk is full. */
function isRefused(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).syscall !== undefined
}

/**
 * Loads `conf` without the signal handlers of one of its dependencies, which resend every signal to
 * the process, so that one Ctrl-C would look like two. Its cleanup at exit stays.
 */
async function loadConf(): Promise<typeof Conf> {
  const handlers = (): Map<string, ReadonlySet<unknown>> =>
    new Map(SIGNALS.map((signal) => [signal, new Set(process.listeners(signal))]))
  const before = handlers()
  const loaded = await import('conf')
  for (const signal of SIGNALS) {
    for (const handler of process.listeners(signal)) if (!before.get(signal)?.has(handler)) process.off(signal, handler)
  }
  return loaded.default
}

const SIGNALS = Object.keys(os.constants.signals) as NodeJS.Signals[]
