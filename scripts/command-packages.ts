import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { build, type Metafile, type Plugin } from 'esbuild'
import { inlineClientJson } from './inline-client-json.ts'
import { leaveOut, type LeftOut } from './leave-out.ts'
import { loadedWhenUsed } from './loaded-when-used.ts'
import { namedExportsOfPackages } from './named-exports-of-packages.ts'

/**
 * The packages that commands load on first use, by the name of their bundle. As published, Google's clients are a
 * thousand files, and finding them, reading them and compiling what is never called was half of what a command cost
 * (docs/decisions/0024-cost-of-a-command.md).
 */
export const PACKAGES: Record<string, string> = {
  '@google-cloud/bigquery': 'bigquery',
  '@google-cloud/pubsub': 'pubsub',
  '@google-cloud/run': 'run',
  '@google-cloud/storage': 'storage',
  '@google-cloud/tasks': 'tasks',
  'google-auth-library': 'google-auth-library',
  'ajv/dist/2020.js': 'ajv-2020',
  ajv: 'ajv',
}

/** The same for what the local cloud loads when it starts. */
export const LOCAL_CLOUD_PACKAGES: Record<string, string> = {
  '@grpc/grpc-js': 'grpc-js',
  '@grpc/proto-loader': 'proto-loader',
  protobufjs: 'protobufjs',
  selfsigned: 'selfsigned',
}

/**
 * Modules of the clients that commands never use. Each is replaced by one that throws when it is used, so the clients
 * themselves are unchanged.
 */
const LEFT_OUT: LeftOut[] = [
  // Message classes as static code, beside the JSON that the clients themselves work from.
  { module: /@google-cloud\/(tasks|pubsub|pubsub-api|run)\/build\/protos\/protos\.js$/ },
  { module: /google-gax\/build\/protos\/(iam_service|locations)\.js$/ },
  // Commands call these APIs by HTTP and JSON.
  { module: /@grpc\/(grpc-js|proto-loader)\/build\/src\/index\.js$/ },
  // A version of Cloud Tasks' API that imagery does not speak.
  { module: /@google-cloud\/tasks\/build\/esm\/src\/v2beta2\/index\.js$/ },
  // Cloud Run has other resources than services.
  {
    module:
      /@google-cloud\/run\/build\/src\/v2\/(builds|executions|instances|jobs|revisions|tasks|worker_pools)_client\.js$/,
  },
  // Pub/Sub's batching and pulling: commands use the API's own methods, `v1`.
  {
    module:
      /@google-cloud\/pubsub\/build\/src\/(debug|iam|pubsub|schema|snapshot|subscriber|subscription|temporal|topic)\.js$/,
  },
  { module: /@google-cloud\/pubsub\/build\/src\/publisher\/publish-error\.js$/ },
  { module: /@google-cloud\/pubsub-api\/build\/src\/v1\/schema_service_client\.js$/ },
]

const ENTRY = 'entry-of-package'
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/

/** Makes the command line import these bundles (`imports` in package.json) instead of the packages. */
export const commandPackages: Plugin = {
  name: 'command-packages',
  setup({ onResolve }) {
    onResolve({ filter: /^[^./]/ }, ({ path: name }) => {
      const bundle = PACKAGES[name] ?? LOCAL_CLOUD_PACKAGES[name]
      return bundle === undefined ? undefined : { path: `#packages/${bundle}.js`, external: true }
    })
  },
}

/**
 * Bundles the packages into `target`, over shared chunks. A CommonJS package gets the named exports that Node gives it.
 * Returns what is in the bundles.
 */
export async function buildCommandPackages({ root, target }: { root: string; target: string }): Promise<Metafile[]> {
  const left = leaveOut(LEFT_OUT, { from: 'the command line (scripts/command-packages.ts)' })
  return [
    await buildPackages(PACKAGES, { root, target, plugins: [left, loadedWhenUsed, inlineClientJson] }),
    await buildPackages(LOCAL_CLOUD_PACKAGES, { root, target, plugins: [] }),
  ]
}

interface BuildOptions {
  root: string
  target: string
  plugins: Plugin[]
}

async function buildPackages(
  packages: Record<string, string>,
  { root, target, plugins }: BuildOptions,
): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.entries(packages).map(([name, out]) => ({ in: `${ENTRY}:${name}`, out })),
    outdir: target,
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22.13',
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
    metafile: true,
    plugins: [entryOfPackage(root), ...plugins, namedExportsOfPackages],
    banner: {
      // The packages' CommonJS parts call these.
      js: [
        "import{createRequire as __createRequire}from'node:module'",
        'const require=__createRequire(import.meta.url),__filename=import.meta.filename,__dirname=import.meta.dirname',
      ].join(';'),
    },
  })
  return metafile
}

/** An ES module with a package's exports under the names that Node knows them by. */
function entryOfPackage(root: string): Plugin {
  return {
    name: ENTRY,
    setup(build) {
      build.onResolve({ filter: new RegExp(`^${ENTRY}:`) }, async ({ path: entry }) => {
        const name = entry.slice(ENTRY.length + 1)
        const { path: file, errors } = await build.resolve(name, { kind: 'dynamic-import', resolveDir: root })
        return { path: file, namespace: ENTRY, errors }
      })
      build.onLoad({ filter: /.*/, namespace: ENTRY }, async ({ path: file }) => {
        const names = Object.keys((await import(pathToFileURL(file).href)) as object).filter((name) =>
          IDENTIFIER.test(name),
        )
        return {
          contents: `export { ${names.join(', ')} } from ${JSON.stringify(file)}`,
          resolveDir: path.dirname(file),
        }
      })
    },
  }
}
