import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plugin } from 'esbuild'

const NAMESPACE = 'named-exports'
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/

/**
 * Makes `const { Thing } = await import('package')` mean the same in a split bundle as in Node. A
 * chunk's exports are fixed when it is written, and for a CommonJS package esbuild then knows only
 * `default` (https://esbuild.github.io/content-types/#default-interop): `Thing` would be undefined.
 * So a package that is imported dynamically is loaded once here, to learn the names that Node
 * gives it, and gets an ES module in front that exports them.
 */
export const namedExportsOfPackages: Plugin = {
  name: 'named-exports-of-packages',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async ({ path: name, kind, resolveDir }) => {
      if (kind !== 'dynamic-import' || name.startsWith('node:')) return undefined
      const resolved = await build.resolve(name, { kind: 'import-statement', resolveDir })
      if (resolved.errors.length > 0 || resolved.external || resolved.namespace !== 'file') return undefined
      return { path: resolved.path, namespace: NAMESPACE }
    })
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path: file }) => {
      const names = Object.keys((await import(pathToFileURL(file).href)) as object).filter((name) =>
        IDENTIFIER.test(name),
      )
      return { contents: `export { ${names.join(', ')} } from ${JSON.stringify(file)}`, resolveDir: path.dirname(file) }
    })
  },
}
