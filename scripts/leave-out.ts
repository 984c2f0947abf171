import type { Plugin } from 'esbuild'

/** Message classes as static code, beside the JSON that the clients themselves work from. */
const STATIC_MESSAGES = ['google']

/**
 * Modules that are imported only to be re-exported and that the runtime never uses, with the names that
 * they re-export. They were half of the bundle, read and compiled by each new instance before its first
 * call.
 */
const LEFT_OUT: { module: RegExp; names: readonly string[] }[] = [
  { module: /@google-cloud\/tasks\/build\/protos\/protos\.js$/, names: STATIC_MESSAGES },
  // Of services that every client mixes in; operations.js, their third, is in use.
  { module: /google-gax\/build\/protos\/(iam_service|locations)\.js$/, names: STATIC_MESSAGES },
  // A version of the API that imagery does not speak.
  { module: /@google-cloud\/tasks\/build\/esm\/src\/v2beta2\/index\.js$/, names: ['CloudTasksClient'] },
  // zod's messages in other languages; its English ones come from another module.
  { module: /zod\/v4\/locales\/index\.js$/, names: [] },
]

/**
 * Replaces each of those modules with one that reports itself when used: reading, calling or
 * constructing anything from it throws.
 */
export const leaveOut: Plugin = {
  name: 'leave-out',
  setup(build) {
    const used = new Set<RegExp>()
    build.onLoad({ filter: /[\\/](protos|v2beta2|locales)[\\/][^\\/]+\.js$/ }, ({ path: file }) => {
      const posixFile = file.replaceAll('\\', '/')
      const entry = LEFT_OUT.find(({ module }) => module.test(posixFile))
      if (!entry) return undefined
      used.add(entry.module)
      const name = posixFile.replace(/.*\/node_modules\//, '')
      return {
        contents: `
          const fail = () => { throw new Error(${JSON.stringify(`${name} is left out of the runtime (scripts/leave-out.ts)`)}) }
          const absent = new Proxy(class {}, { get: fail, apply: fail, construct: fail })
          export { ${entry.names.map((exported) => `absent as ${exported}`).join(', ')} }
        `,
        loader: 'js',
      }
    })
    // A package with a changed layout would silently add everything back.
    build.onEnd(() => ({
      errors: LEFT_OUT.filter(({ module }) => !used.has(module)).map(({ module }) => ({
        text: `nothing imports ${module.source} any more: update scripts/leave-out.ts`,
      })),
    }))
  },
}
