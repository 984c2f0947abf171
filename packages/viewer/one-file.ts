import path from 'node:path'
import type { Plugin } from 'vite'

/**
 * Puts the script and the styles of a page into the page, so that it is one file.
 *
 * @param options.licenses the file with the licenses of what is bundled, which goes into the page as text
 */
export function oneFile({ licenses }: { licenses: string }): Plugin {
  return {
    name: 'one-file',
    // After vite's own plugins, which still change the script then.
    generateBundle: {
      order: 'post',
      handler(_, bundle) {
        for (const page of Object.values(bundle)) {
          if (page.type !== 'asset' || !page.fileName.endsWith('.html')) continue
          const contentOf = (address: string): string => {
            const name = path.posix.normalize(address)
            const file = bundle[name]
            if (!file) throw new Error(`${page.fileName} names ${address}, which is not part of the build`)
            delete bundle[name]
            return file.type === 'chunk' ? file.code : String(file.source)
          }
          page.source = String(page.source)
            .replace(/<script type="module"[^>]* src="([^"]+)"><\/script>/g, (_match, address: string) => {
              return `<script type="module">${inScript(contentOf(address))}</script>`
            })
            .replace(/<link rel="stylesheet"[^>]* href="([^"]+)">/g, (_match, address: string) => {
              return `<style>${contentOf(address).replaceAll('</style', String.raw`<\/style`)}</style>`
            })
            .replace('</body>', () => `<script type="text/plain">${inScript(contentOf(licenses))}</script></body>`)
        }
        const left = Object.keys(bundle).filter((name) => !name.endsWith('.html'))
        if (left.length > 0) throw new Error(`not part of the one file: ${left.join(', ')}`)
      },
    },
  }
}

/** Both would change how a page reads the rest of a script (https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements). */
function inScript(code: string): string {
  return code.replaceAll(/<(?=\/script|!--|script)/gi, String.raw`\x3c`)
}
