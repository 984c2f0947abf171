import { createHash } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { build } from 'esbuild'
import { inlineClientJson } from './inline-client-json.ts'
import { leaveOut, type LeftOut } from './leave-out.ts'
import { writeLicenses } from './licenses.ts'
import { loadedWhenUsed } from './loaded-when-used.ts'
import { namedExportsOfPackages } from './named-exports-of-packages.ts'
import { requiredPackages } from './required-packages.ts'
import { lockOf, type PackageLock } from './runtime-lock.ts'

/** Not bundled: it loads a native library by its own path. */
const NATIVE_PACKAGES = ['sharp']

/** Message classes as static code, beside the JSON that the clients themselves work from. */
const STATIC_MESSAGES = ['google']

/**
 * Modules that are imported only to be re-exported and that the runtime never uses, with the names that
 * they re-export. They were half of the bundle, read and compiled by each new instance before its first
 * call.
 */
const LEFT_OUT: LeftOut[] = [
  { module: /@google-cloud\/tasks\/build\/protos\/protos\.js$/, names: STATIC_MESSAGES },
  // Of services that every client mixes in; operations.js, their third, is in use.
  { module: /google-gax\/build\/protos\/(iam_service|locations)\.js$/, names: STATIC_MESSAGES },
  // A version of the API that imagery does not speak.
  { module: /@google-cloud\/tasks\/build\/esm\/src\/v2beta2\/index\.js$/, names: ['CloudTasksClient'] },
  // zod's messages in other languages; its English ones come from another module.
  { module: /zod\/v4\/locales\/index\.js$/, names: [] },
]

/** An uncaught error is printed with the line that threw it, and a frame's column should lead somewhere. */
const MAX_LINE = 160

export interface RuntimeFile {
  /** Relative to the runtime's folder, with forward slashes. */
  path: string
  bytes: number
  /** Hex. */
  sha256: string
}

/**
 * Bundles the runtime into `target`, which is emptied first: `main.js` and `populate.js`, the chunks
 * that they load when they first need them, source maps, the licenses of what is bundled, a `package.json` with its lock for
 * what cannot be. The same sources give the same bytes. Returns the files that a deploy must upload, in
 * order.
 *
 * @param options.root the project's folder
 */
export async function buildRuntime({
  root,
  target,
}: {
  root: string
  target: string
}): Promise<{ files: RuntimeFile[] }> {
  await rm(target, { recursive: true, force: true })
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: { main: 'src/runtime/main/server.ts', populate: 'src/runtime/populate/server.ts' },
    outdir: target,
    bundle: true,
    // One file a service would be read and compiled whole before the first line runs, clients and all
    // (docs/decisions/0006-runtime-in-chunks.md).
    splitting: true,
    chunkNames: 'chunks/[name]-[hash]',
    format: 'esm',
    platform: 'node',
    target: 'node22',
    plugins: [
      requiredPackages(NATIVE_PACKAGES, root),
      leaveOut(LEFT_OUT, { from: 'the runtime (scripts/runtime-bundle.ts)' }),
      loadedWhenUsed,
      inlineClientJson,
      namedExportsOfPackages,
    ],
    // Names are kept, so that stacks in Cloud Logging are readable.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: MAX_LINE,
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'none',
    // The clients' CommonJS dependencies call these.
    banner: {
      js: [
        "import { createRequire as bundleCreateRequire } from 'node:module'",
        'const require = bundleCreateRequire(import.meta.url)',
        'const __filename = import.meta.filename',
        'const __dirname = import.meta.dirname',
      ].join('\n'),
    },
    logLevel: 'warning',
    metafile: true,
  })
  await writeLicenses(path.join(target, 'licenses.md'), { root, metafiles: [metafile] })
  await writePackage(root, target)
  return { files: await describeFiles(target) }
}

/** The native packages, at the versions that the project itself is locked to. */
async function writePackage(root: string, target: string): Promise<void> {
  const lock = JSON.parse(await readFile(path.join(root, 'package-lock.json'), 'utf8')) as PackageLock
  const manifest = {
    name: 'imagery-runtime',
    version: lock.version,
    private: true,
    type: 'module',
    dependencies: Object.fromEntries(
      NATIVE_PACKAGES.map((name) => [name, lock.packages[`node_modules/${name}`]?.version]),
    ),
  }
  await writeJson(path.join(target, 'package.json'), manifest)
  await writeJson(path.join(target, 'package-lock.json'), lockOf(lock, manifest, NATIVE_PACKAGES))
}

async function describeFiles(target: string): Promise<RuntimeFile[]> {
  const entries = await readdir(target, { recursive: true, withFileTypes: true })
  const paths = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
    .map((entry) => path.relative(target, path.join(entry.parentPath, entry.name)).replaceAll(path.sep, '/'))
    .toSorted()
  return Promise.all(
    paths.map(async (file) => {
      const bytes = await readFile(path.join(target, file))
      return { path: file, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') }
    }),
  )
}

async function writeJson(file: string, value: unknown): Promise<void> {
  await writeFile(file, `${JSON.stringify(value, null, 2)}\n`)
}
