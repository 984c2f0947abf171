import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Which folder of src/ may import which (docs/architecture.md). `entry` is what lies directly in src/. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  entry: ['services', 'ui', 'contracts', 'profiles'],
  commands: ['entry', 'services', 'ui', 'contracts', 'profiles'],
  hooks: ['ui', 'contracts', 'profiles'],
  services: ['google', 'contracts', 'profiles'],
  runtime: ['google', 'contracts', 'profiles'],
  google: ['contracts'],
  ui: ['contracts'],
  profiles: ['contracts'],
  emulator: ['contracts'],
  contracts: [],
}

/** Packages that only one folder may import. */
const OWNED_PACKAGES: [pattern: RegExp, folders: readonly string[]][] = [
  [/^@google-cloud\/|^@google\/genai/, ['google']],
  // The emulator forwards calls to the real Vertex AI with the user's own credentials.
  [/^google-auth-library/, ['google', 'emulator']],
  [/^https-proxy-agent/, ['google']],
  [/^listr2/, ['ui']],
  [/^conf$/, ['services']],
  [/^@duckdb\/|^farmhash-modern|^@grpc\/|^protobufjs|^selfsigned/, ['emulator']],
  // The command line asks for the data folder's lock, too, which is one of SQLite.
  [/^node:sqlite/, ['emulator', 'contracts']],
  // Tokens are signed on the one side and checked on the other.
  [/^jose/, ['google', 'emulator']],
  [/^@oclif\//, ['entry', 'commands', 'hooks']],
]

interface Import {
  file: string
  line: number
  specifier: string
  isDynamic: boolean
}

function sourceFiles(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => path.join(folder, file))
}

const IMPORT =
  /(?:^|[^\w.])(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?['"]([^'"]+)['"]|(?:^|[^\w.])(import)\(\s*['"]([^'"]+)['"]/gm

function importsOf(file: string): Import[] {
  const text = readFileSync(path.join(root, file), 'utf8')
  return [...text.matchAll(IMPORT)].map((match) => ({
    file,
    line: text.slice(0, match.index).split('\n').length,
    specifier: match[1] ?? match[3] ?? '',
    isDynamic: match[2] !== undefined,
  }))
}

function folderOf(file: string): string {
  const [, folder = '', ...rest] = file.split(path.sep)
  return rest.length === 0 ? 'entry' : folder
}

function target(found: Import): string | undefined {
  return found.specifier.startsWith('.') ? path.join(path.dirname(found.file), found.specifier) : undefined
}

const files = sourceFiles('src')
const imports = files.flatMap(importsOf)

describe('the folders of src/', () => {
  test('are all named by the rule', () => {
    expect(new Set(files.map(folderOf))).toEqual(new Set(Object.keys(MAY_IMPORT)))
  })

  test('import only what the rule allows', () => {
    const faults = imports.flatMap((found) => {
      const file = target(found)
      if (file === undefined) return []
      const [from, to] = [folderOf(found.file), folderOf(file)]
      const startsTheLocalCloud =
        found.isDynamic && found.file === path.join('src', 'commands', 'local', 'start.ts') && to === 'emulator'
      if (from === to || MAY_IMPORT[from]?.includes(to) || startsTheLocalCloud) return []
      return [
        `${found.file}:${found.line} imports ${found.specifier}: ${from} may import ${MAY_IMPORT[from]?.join(', ') || 'nothing of ours'}`,
      ]
    })
    expect(faults).toEqual([])
  })

  test('leave a package to the folder that owns it', () => {
    const faults = imports.flatMap((found) =>
      OWNED_PACKAGES.filter(
        ([pattern, folders]) => pattern.test(found.specifier) && !folders.includes(folderOf(found.file)),
      ).map(([, folders]) => `${found.file}:${found.line} imports ${found.specifier}: only ${folders.join(', ')} may`),
    )
    expect(faults).toEqual([])
  })

  test('have no circle of imports between files', () => {
    const graph = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter(({ isDynamic }) => !isDynamic)
          .map(target)
          .filter((to) => to !== undefined),
      ]),
    )
    const finished = new Set<string>()
    const circles: string[] = []
    const visit = (file: string, trail: readonly string[]): void => {
      if (finished.has(file)) return
      if (trail.includes(file)) {
        circles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '))
        return
      }
      for (const next of graph.get(file) ?? []) visit(next, [...trail, file])
      finished.add(file)
    }
    for (const file of files) visit(file, [])
    expect(circles).toEqual([])
  })
})

describe('the source files', () => {
  test('stay under 400 lines', () => {
    const everything = [...files, ...['test', 'bench', 'build', 'samples'].flatMap(sourceFiles)]
    const long = everything
      .map((file) => ({ file, lines: readFileSync(path.join(root, file), 'utf8').split('\n').length - 1 }))
      .filter(({ lines }) => lines >= 400)
    expect(long).toEqual([])
  })

  test('hold no mark of unfinished work', () => {
    const marks = files.filter((file) => /\b(TODO|FIXME|XXX|HACK)\b/.test(readFileSync(path.join(root, file), 'utf8')))
    expect(marks).toEqual([])
  })
})
