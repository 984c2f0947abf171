/** What a kind of test needs. Its files are in one folder. */
export interface Kind {
  folder: string
  timeoutMs: number
  /** Some wait for processes and sockets on a machine that may be busy; a real fault fails twice. */
  retry?: 1
  /** Whether its files mostly wait, for half a minute each, and leave the processor to others. */
  waits?: true
}

/** The kinds whose files share processes, in which each file has its own copy of our modules. */
export const KINDS: readonly Kind[] = [
  { folder: 'test/e2e', timeoutMs: 180_000, retry: 1, waits: true },
  /** In a browser. Few files, because each starts its own. */
  { folder: 'test/view', timeoutMs: 120_000, retry: 1, waits: true },
  { folder: 'test/deploy', timeoutMs: 60_000, retry: 1 },
  { folder: 'test/cli', timeoutMs: 60_000 },
  { folder: 'test/runtime', timeoutMs: 20_000 },
  /** Data as people have it: one small case per kind, with the expected rows written by hand. */
  { folder: 'test/field', timeoutMs: 60_000 },
  { folder: 'test/repo', timeoutMs: 60_000 },
  { folder: 'packages/local-cloud/test', timeoutMs: 60_000, retry: 1 },
]

/** @param file its path */
export function kindOf(file: string): Kind {
  const kind = KINDS.find(({ folder }) => file.replaceAll('\\', '/').includes(`/${folder}/`))
  if (!kind) throw new Error(`${file} is in no folder of test/kinds.ts`)
  return kind
}
