import { pathToFileURL } from 'node:url'
import { createRequire } from 'node:module'
import type { Plugin } from 'esbuild'

const NAMESPACE = 'required-package'
const IDENTIFIER = /^[A-Za-z_$][\w$]*$/

/**
 * Makes a bundle load CommonJS packages that it does not contain by `require`, under the names that Node gives them. An
 * `import` first reads every file of such a package for the names of its exports
 * (https://nodejs.org/api/esm.html#commonjs-namespaces), which takes as long as loading the package. The bundle must
 * declare `require`.
 *
 * @param names of packages, all CommonJS
 * @param root the project's folder
 */
export function requiredPackages(names: readonly string[], root: string): Plugin {
  const { resolve } = createRequire(pathToFileURL(`${root}/`))
  return {
    name: NAMESPACE,
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path: name, namespace }) => {
        if (!names.includes(name)) return undefined
        return namespace === NAMESPACE ? { path: name, external: true } : { path: name, namespace: NAMESPACE }
      })
      build.onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path: name }) => {
        const { default: required, ...named } = (await import(pathToFileURL(resolve(name)).href)) as { default: object }
        const own = Object.keys(named).filter((key) => IDENTIFIER.test(key) && key in required)
        return {
          contents: [
            `const loaded = require(${JSON.stringify(name)})`,
            'export default loaded',
            `export const { ${own.join(', ')} } = loaded`,
          ].join('\n'),
        }
      })
    },
  }
}
