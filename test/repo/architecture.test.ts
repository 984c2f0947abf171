import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** Which folder of src/ may import which (docs/architecture.md). */
const MAY_IMPORT: Record<string, readonly string[]> = {
  cli: ['services', 'ui', 'contracts', 'profiles'],
  commands: ['cli', 'services', 'ui', 'contracts', 'profiles'],
  services: ['run-data', 'google', 'contracts', 'profiles'],
  runtime: ['run-data', 'google', 'contracts', 'profiles'],
  'run-data': ['google', 'contracts'],
  google: ['contracts'],
  ui: ['contracts'],
  profiles: ['contracts'],
  contracts: [],
}

/**
 * Rooms in import order: a room imports only rooms before it. Files that
 * are in the folder itself are rooms of their own; the ones not named here import rooms, never the reverse.
 */
const ROOMS: Record<string, readonly string[]> = {
  'src/services': [
    'local',
    'session',
    'options',
    'source',
    'failures',
    'runs',
    'results',
    'judge',
    'view',
    'report',
    'deploy',
    'doctor',
    'teardown',
    'run',
    'self-test',
  ],
  'src/google': ['transport', 'auth', 'rest', 'admin', 'bigquery', 'storage', 'cloud-run'],
  'packages/local-cloud/src': ['contract', 'kernel', 'apis', 'host', 'index.ts'],
  'packages/local-cloud/src/apis': [
    'identity',
    'iam',
    'artifact-registry',
    'bigquery',
    'billing',
    'cloud-build',
    'cloud-run',
    'oauth',
    'org-policy',
    'pubsub',
    'service-usage',
    'storage',
    'sts',
    'tasks',
    'vertex',
  ],
}

/** Which folder of the viewer may import which. None imports the product. */
const VIEWER = path.join('packages', 'viewer', 'src')
const VIEWER_MAY_IMPORT: Record<string, readonly string[]> = {
  app: ['contract', 'http-source', 'memory'],
  'http-source': ['contract'],
  memory: ['contract'],
  contract: [],
}
const VIEWER_PACKAGES = 'packages/viewer/package.json'

/** Packages that only one folder of src/ may import. */
const OWNED_PACKAGES: [pattern: RegExp, folders: readonly string[]][] = [
  [/^@google-cloud\/|^@google\/genai|^google-auth-library|^https-proxy-agent|^jose/, ['google']],
  [/^listr2/, ['ui']],
  [/^conf$/, ['services']],
  [/^@duckdb\//, ['services']],
  [/^farmhash-modern|^node:sqlite|^@grpc\/|^protobufjs|^selfsigned/, []],
  [/^@oclif\//, ['cli', 'commands']],
]

/** The seam: what the product may import from the local cloud. The local cloud imports nothing from the product. */
const LOCAL_CLOUD = '@imagery/local-cloud'
/** The web app, whose contract the command line shares. */
const VIEWER_PACKAGE = '@imagery/viewer'

const STARTS_THE_LOCAL_CLOUD = path.join('src', 'commands', 'local', 'start.ts')

interface Import {
  file: string
  line: number
  specifier: string
  isDynamic: boolean
}

function sourceFiles(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file) && !file.includes('node_modules'))
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

/** The first name below a folder: a room, or a file that lies in the folder itself. */
function roomOf(folder: string, file: string): string {
  return path.relative(folder, file).split(path.sep)[0] ?? ''
}

function target(found: Import): string | undefined {
  return found.specifier.startsWith('.') ? path.join(path.dirname(found.file), found.specifier) : undefined
}

/**
 * Interfaces and types are left out: both sides describe Google's own shapes (`Policy`, `RestOperation`), in Google's words,
 * and share no code because they must not.
 */
const EXPORTED_VALUE =
  /^export\s+(?:default\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\*?|const|let|class|enum)\s+([\w$]+)/gm

/** The names of values that files export where they are declared, each with its file. */
function exportedValues(files: readonly string[]): Map<string, string> {
  return new Map(
    files.flatMap((file) =>
      [...readFileSync(path.join(root, file), 'utf8').matchAll(EXPORTED_VALUE)].map(
        ([, name = '']): [string, string] => [name, file],
      ),
    ),
  )
}

const product = sourceFiles('src')
const viewer = sourceFiles(VIEWER)
const localCloud = sourceFiles(path.join('packages', 'local-cloud', 'src'))
const productImports = product.flatMap(importsOf)
const localCloudImports = localCloud.flatMap(importsOf)

describe('the folders of src/', () => {
  test('are all named by the rule', () => {
    expect(new Set(product.map((file) => roomOf('src', file)))).toEqual(new Set(Object.keys(MAY_IMPORT)))
  })

  test('import only what the rule allows', () => {
    const faults = productImports.flatMap((found) => {
      const file = target(found)
      if (file === undefined) return []
      const [from, to] = [roomOf('src', found.file), roomOf('src', file)]
      if (from === to || MAY_IMPORT[from]?.includes(to)) return []
      return [
        `${found.file}:${found.line} imports ${found.specifier}: ${from} may import ${MAY_IMPORT[from]?.join(', ') || 'nothing of ours'}`,
      ]
    })
    expect(faults).toEqual([])
  })

  test('import a package only in the folder that owns it', () => {
    const faults = productImports.flatMap((found) =>
      OWNED_PACKAGES.filter(
        ([pattern, folders]) => pattern.test(found.specifier) && !folders.includes(roomOf('src', found.file)),
      ).map(
        ([, folders]) =>
          `${found.file}:${found.line} imports ${found.specifier}: only ${folders.join(', ') || 'the local cloud'} may`,
      ),
    )
    expect(faults).toEqual([])
  })
})

describe('the seam between the product and the local cloud', () => {
  test('lets the product import the contract, and one command start the local cloud by a dynamic import', () => {
    const faults = productImports.filter(({ file, specifier, isDynamic }) => {
      if (specifier !== LOCAL_CLOUD && !specifier.startsWith(`${LOCAL_CLOUD}/`)) return specifier.includes('packages/')
      if (specifier.startsWith(`${LOCAL_CLOUD}/contract/`)) return false
      return !(specifier === LOCAL_CLOUD && isDynamic && file === STARTS_THE_LOCAL_CLOUD)
    })
    expect(faults).toEqual([])
  })

  test('lets the product import the contract of the viewer, and no other part of it', () => {
    const faults = productImports.filter(
      ({ specifier }) => specifier.startsWith(VIEWER_PACKAGE) && !specifier.startsWith(`${VIEWER_PACKAGE}/contract/`),
    )
    expect(faults).toEqual([])
  })

  test('lets the local cloud import nothing from the product', () => {
    const outside = [
      ...localCloud,
      ...sourceFiles('packages/local-cloud/test'),
      ...sourceFiles('packages/local-cloud/scripts'),
    ]
      .flatMap(importsOf)
      .filter((found) => {
        const file = target(found)
        return file !== undefined && path.relative('packages/local-cloud', file).startsWith('..')
      })
    expect(outside).toEqual([])
  })

  test('keeps the contract free of the emulator', () => {
    const faults = localCloudImports.filter((found) => {
      const file = target(found)
      const folder = path.join('packages', 'local-cloud', 'src')
      return roomOf(folder, found.file) === 'contract' && file !== undefined && roomOf(folder, file) !== 'contract'
    })
    expect(faults).toEqual([])
  })

  test('gives no exported function, constant or class a name that the other side uses', () => {
    const theirs = exportedValues(localCloud)
    const both = [...exportedValues(product)].filter(([name]) => theirs.has(name))
    expect(both.map(([name, file]) => `${name}: ${file} and ${theirs.get(name)}`)).toEqual([])
  })

  test('has the root package list every dependency of the local cloud at the same version', () => {
    const manifest = (file: string): { dependencies: Record<string, string> } =>
      JSON.parse(readFileSync(path.join(root, file), 'utf8')) as { dependencies: Record<string, string> }
    const needed = manifest('packages/local-cloud/package.json').dependencies
    expect(manifest('package.json').dependencies).toMatchObject(needed)
    const imported = localCloudImports
      .map(({ specifier }) => /^(?!node:|\.)((?:@[^/]+\/)?[^/]+)/.exec(specifier)?.[1])
      .filter((name) => name !== undefined)
    expect(Object.keys(needed)).toEqual(expect.arrayContaining([...new Set(imported)]))
  })
})

describe('the viewer', () => {
  test('imports only what its rule allows, and nothing of the product', () => {
    expect(Object.keys(VIEWER_MAY_IMPORT)).toEqual(expect.arrayContaining(viewer.map((file) => roomOf(VIEWER, file))))
    const faults = viewer.flatMap(importsOf).flatMap((found) => {
      const file = target(found)
      if (file === undefined) return []
      const [from, to] = [roomOf(VIEWER, found.file), roomOf(VIEWER, file)]
      if (from === to || VIEWER_MAY_IMPORT[from]?.includes(to)) return []
      return [`${found.file}:${found.line} imports ${found.specifier}`]
    })
    expect(faults).toEqual([])
  })

  test('lists every package that it imports', () => {
    const listed = JSON.parse(readFileSync(path.join(root, VIEWER_PACKAGES), 'utf8')) as {
      devDependencies: Record<string, string>
    }
    const imported = viewer
      .flatMap(importsOf)
      .map(({ specifier }) => /^(?!\.)((?:@[^/]+\/)?[^/]+)/.exec(specifier)?.[1])
      .filter((name) => name !== undefined)
    expect(imported.filter((name) => !(name in listed.devDependencies))).toEqual([])
  })

  test('writes no markup from data', () => {
    const faults = viewer.filter((file) =>
      /dangerouslySetInnerHTML|\b(?:inner|outer)HTML\b|insertAdjacentHTML|document\.write/.test(
        readFileSync(path.join(root, file), 'utf8'),
      ),
    )
    expect(faults).toEqual([])
  })
})

describe('the rooms', () => {
  test.each(Object.entries(ROOMS))('of %s import each other in one direction', (folder, order) => {
    const files = folder.startsWith('src') ? product : localCloud
    const found = files.filter((file) => !path.relative(folder, file).startsWith('..'))
    const rooms = new Set(found.map((file) => roomOf(folder, file)))
    expect(order.filter((room) => !rooms.has(room))).toEqual([])
    const rank = (file: string): number => {
      const place = order.indexOf(roomOf(folder, file))
      return place < 0 ? order.length : place
    }
    const upward = found.flatMap(importsOf).filter((one) => {
      const file = target(one)
      if (file === undefined || path.relative(folder, file).startsWith('..')) return false
      return roomOf(folder, file) !== roomOf(folder, one.file) && rank(file) >= rank(one.file)
    })
    expect(upward.map(({ file, line, specifier }) => `${file}:${line} imports ${specifier}`)).toEqual([])
  })

  test('have no circle of imports between files', () => {
    const files = [...product, ...localCloud, ...viewer]
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
    const everything = ['src', 'packages', 'test', 'bench', 'scripts', 'samples'].flatMap(sourceFiles)
    const long = everything
      .map((file) => ({ file, lines: readFileSync(path.join(root, file), 'utf8').split('\n').length - 1 }))
      .filter(({ lines }) => lines >= 400)
    expect(long).toEqual([])
  })

  test('contain no mark of unfinished work', () => {
    const marks = [...product, ...localCloud, ...viewer].filter((file) =>
      /\b(TODO|FIXME|XXX|HACK)\b/.test(readFileSync(path.join(root, file), 'utf8')),
    )
    expect(marks).toEqual([])
  })
})
