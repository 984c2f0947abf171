import { readFileSync, rmSync, cpSync, existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { buildCommandPackages, commandPackages } from './command-packages.ts'
import { writeLicenses } from './licenses.ts'
import { requiredPackages } from './required-packages.ts'

/**
 * Bundles the command line into dist/: one small file per command over shared chunks, so that a
 * command loads what it needs and nothing else.
 *
 * The packages that make every start slow when they are many files (oclif, listr2, zod, hono) are
 * bundled in. Google's clients, which are loaded on first use, are bundles of their own
 * (command-packages.ts). Native packages stay packages.
 */
const root = fileURLToPath(new URL('..', import.meta.url))
const out = path.join(root, 'dist')

const BUNDLED = new Set(['@oclif/core', 'listr2', 'zod', 'hono', '@hono/node-server', 'conf', 'execa', 'yaml'])

/** Packages that stay packages, and are CommonJS. */
const REQUIRED = ['@duckdb/node-api', '@duckdb/node-api/lib/vectors/dataAccessors.js', 'farmhash-modern', 'sharp']

const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>
}
const external = Object.keys(manifest.dependencies)
  .filter((name) => !BUNDLED.has(name))
  .flatMap((name) => [name, `${name}/*`])

for (const entry of existsSync(out) ? readdirSync(out) : []) {
  if (entry !== 'runtime') rmSync(path.join(out, entry), { recursive: true })
}

const sources = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
const entries = sources
  .filter((file) => /^(commands[\\/].*|cli[\\/](main|help|command-not-found))\.ts$/.test(file))
  .map((file) => path.join(root, 'src', file))

const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: entries,
  outbase: path.join(root, 'src'),
  outdir: out,
  chunkNames: 'chunks/[name]-[hash]',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.13',
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
  external,
  plugins: [requiredPackages(REQUIRED, root), commandPackages],
  banner: {
    // CommonJS packages that are bundled in expect these.
    js: [
      "import{createRequire as __createRequire}from'node:module'",
      "import{fileURLToPath as __fileURLToPath}from'node:url'",
      "import{dirname as __pathDirname}from'node:path'",
      'const require=__createRequire(import.meta.url),__filename=__fileURLToPath(import.meta.url),__dirname=__pathDirname(__filename)',
    ].join(';'),
  },
})

const ofPackages = await buildCommandPackages({ root, target: path.join(out, 'packages') })
await writeLicenses(path.join(out, 'licenses.md'), { root, metafiles: [metafile, ...ofPackages] })

cpSync(path.join(root, 'src', 'profiles', 'built-in'), path.join(out, 'profiles'), { recursive: true })
