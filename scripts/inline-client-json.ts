import { readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Plugin } from 'esbuild'

/** `getJSON(path.join(dirname, '..', 'x.json'))`: how Google's generated ESM clients read the JSON files that they ship. */
const READ_OF_JSON = /getJSON\(path\.join\(dirname,\s*([^)]*)\)\)/g
const PATH_PART = /'([^']*)'/g

/**
 * Turns those reads into imports, which esbuild inlines: in a bundle there is no file beside the
 * client any more, and the client would throw when it is loaded.
 */
export const inlineClientJson: Plugin = {
  name: 'inline-client-json',
  setup(build) {
    build.onLoad({ filter: /[\\/]@google-cloud[\\/][^\\/]+[\\/]build[\\/]esm[\\/].*\.js$/ }, async ({ path: file }) => {
      const folder = path.dirname(file)
      const imports: string[] = []
      const source = (await readFile(file, 'utf8')).replace(READ_OF_JSON, (_read, parts: string) => {
        const target = path.join(folder, ...[...parts.matchAll(PATH_PART)].map((part) => part[1] ?? ''))
        const name = `inlinedJson${imports.length}`
        imports.push(`import ${name} from ${JSON.stringify(target)};`)
        return name
      })
      return { contents: imports.join('') + source, loader: 'js', resolveDir: folder }
    })
  },
}
