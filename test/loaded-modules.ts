import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'

/** Records every module that is loaded, by import or by require. */
const HOOK = `
import { appendFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
registerHooks({
  load(url, context, next) {
    appendFileSync(process.env.LOADED_MODULES, url + '\\n')
    return next(url, context)
  },
})
`

/** Records which modules a Node process loads. */
export interface ModuleRecorder {
  /** Placed before the program on Node's command line. */
  args: string[]
  environment: Record<string, string>
  /** The URLs of the modules that were loaded so far, Node's own among them. */
  loaded(): string[]
  remove(): void
}

export function recordModules(): ModuleRecorder {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'imagery-loaded-'))
  const hook = path.join(folder, 'hook.mjs')
  const list = path.join(folder, 'loaded')
  writeFileSync(hook, HOOK)
  writeFileSync(list, '')
  return {
    args: ['--import', pathToFileURL(hook).href],
    environment: { LOADED_MODULES: list },
    loaded: () => readFileSync(list, 'utf8').split('\n').filter(Boolean),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
}
