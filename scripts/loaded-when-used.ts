import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Plugin } from 'esbuild'

const NAMESPACE = 'loaded-when-used'

/**
 * Packages of functions that Google's clients import and hardly ever call. `html-entities` makes its tables of 2,000 names when it
 * is loaded, once in each of two clients, and they decode only errors with them.
 */
const PACKAGES = ['html-entities']

/** Loads each of these packages at the first call of one of its functions. */
export const loadedWhenUsed: Plugin = {
  name: NAMESPACE,
  setup({ onLoad, onResolve, resolve }) {
    onResolve({ filter: new RegExp(`^(?:${PACKAGES.join('|')})$`) }, async ({ path: name, pluginData, ...from }) => {
      if (pluginData === NAMESPACE) return undefined
      const { path: file, errors } = await resolve(name, { ...from, pluginData: NAMESPACE })
      return { path: file, namespace: NAMESPACE, pluginData: name, errors }
    })
    onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path: file }) => {
      const exported = (await import(pathToFileURL(file).href)) as Record<string, unknown>
      const functions = Object.keys(exported).filter(
        (name) => name !== 'default' && typeof exported[name] === 'function',
      )
      const lines = functions.map(
        (name) => `exports.${name} = (...given) => require(${JSON.stringify(file)}).${name}(...given)`,
      )
      return { contents: lines.join('\n'), resolveDir: path.dirname(file) }
    })
  },
}
