import os from 'node:os'
import type Conf from 'conf'
import { ImageryError } from '../contracts/errors.ts'
import { makeFolder } from './make-folder.ts'

/** One JSON file in the user's configuration folder, mode 0600. */
export interface UserFile<Content extends object> {
  path: string
  /** Works on the content. @throws ImageryError INVALID_CONFIGURATION naming the file */
  use<Result>(work: (content: Conf<Content>) => Result): Result
}

/**
 * Opens `<name>.json` in a folder, which is made if need be.
 *
 * @param options.remedy what to do when the file cannot be used
 * @throws ImageryError INVALID_CONFIGURATION when it cannot be read or written, naming the file
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
        // What the disk or the system refuses is no fault of the content, which may be all that there is.
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
  return { path: file, use: (work) => guarded(() => work(conf)) }
}

/** Whether the system refused a call, such as by a full disk. */
function isRefused(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).syscall !== undefined
}

/**
 * Loads `conf` without the signal handlers of a package below it: those send every signal to the
 * process once more, and what was one Ctrl-C would look like two. Its clean-up at exit stays.
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
