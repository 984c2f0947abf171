import { pathToFileURL } from 'node:url'
import type { Plugin } from 'esbuild'

/** A module that a bundle does without. */
export interface LeftOut {
  /** Matches the end of its path, with forward slashes. */
  module: RegExp
  /** The names that importers take from it. Those that the module has, if absent. */
  names?: readonly string[]
}

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/

/**
 * Replaces each of those modules with one that reports itself when used: reading, calling or
 * constructing anything from it throws.
 *
 * @param options.from the bundle and the list, for the message of that error
 */
export function leaveOut(modules: readonly LeftOut[], { from }: { from: string }): Plugin {
  return {
    name: 'leave-out',
    setup(build) {
      const used = new Set<RegExp>()
      const filter = new RegExp(
        modules
          .map(({ module }) => module.source)
          .join('|')
          .replaceAll('\\/', '[\\\\/]'),
      )
      build.onLoad({ filter }, async ({ path: file }) => {
        const posixFile = file.replaceAll('\\', '/')
        const entry = modules.find(({ module }) => module.test(posixFile))
        if (!entry) return undefined
        used.add(entry.module)
        const name = posixFile.replace(/.*\/node_modules\//, '')
        const names = entry.names ?? (await namesIn(file))
        // A class can extend an absent one, as long as it is not constructed.
        return {
          contents: `
          const fail = () => { throw new Error(${JSON.stringify(`${name} is left out of ${from}`)}) }
          const get = (target, key) => key === 'prototype' ? target.prototype : fail()
          const absent = new Proxy(class {}, { get, apply: fail, construct: fail })
          export { ${names.map((exported) => `absent as ${exported}`).join(', ')} }
        `,
          loader: 'js',
        }
      })
      // A package with a changed layout would silently add everything back.
      build.onEnd(() => ({
        errors: modules
          .filter(({ module }) => !used.has(module))
          .map(({ module }) => ({
            text: `nothing imports ${module.source} any more: leave it out of the list of ${from}`,
          })),
      }))
    },
  }
}

async function namesIn(file: string): Promise<string[]> {
  const module = (await import(pathToFileURL(file).href)) as object
  return Object.keys(module).filter((name) => IDENTIFIER.test(name) && name !== 'default')
}
