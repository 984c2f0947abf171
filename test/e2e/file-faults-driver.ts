import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { ERROR_CODES, FileFaults, type FileCall } from '../file-faults.ts'

/**
 * Runs command lines in this one process, each as often as it makes calls of file functions, and lets one call fail each time.
 * Arguments: the file with the `Plan`, and the file that gets the list of `FaultOutcome`s.
 */
export interface Plan {
  program: string
  /** Files under these folders belong to the program itself. */
  own: readonly string[]
  /** Only every nth fault is tried. */
  every: number
  commands: readonly {
    args: readonly string[]
    codesPerCall: number
    prepare?: Record<string, string | null>
    /** Limits the calls by a pattern of `call path`. */
    only?: string
    /** Leaves out repeated calls. */
    once?: boolean
  }[]
}

export interface FaultOutcome {
  args: readonly string[]
  fault: FileCall & { occurrence: number; code: string }
  hasStruck: boolean
  exitCode: number
  output: string
  /** The outcome is the same as without a fault. */
  isUsual: boolean
}

const [, , planFile = '', outcomesFile = ''] = process.argv
const plan = JSON.parse(readFileSync(planFile, 'utf8')) as Plan
const faults = new FileFaults((file) => isOwn(path.resolve(file)))

function isOwn(file: string): boolean {
  return (
    file.startsWith('/proc/') || plan.own.some((folder) => file === folder || file.startsWith(`${folder}${path.sep}`))
  )
}

process.setMaxListeners(0)
const { main } = (await import(pathToFileURL(path.join(path.dirname(plan.program), '../dist/cli/main.js')).href)) as {
  main: (entry: string) => Promise<void>
}
const { default: fs } = await import('node:fs')

class Exit extends Error {}

/** No command takes this long, even on a busy machine. */
const HANG_MS = 60_000

/** The exit code of a command that does not end. */
const HUNG = 124

async function run(args: readonly string[]): Promise<{ exitCode: number; output: string }> {
  let output = ''
  const capture = (text: string | Uint8Array): boolean => {
    output += String(text)
    return true
  }
  process.stdout.write = capture
  process.stderr.write = capture
  process.exitCode = undefined
  process.argv = [process.execPath, plan.program, ...args]
  let exited: number | undefined
  process.exit = ((code?: number) => {
    // The command line exits some time after a command; this process continues.
    if (code === undefined) return
    exited ??= code
    throw new Exit()
  }) as typeof process.exit
  try {
    const ended = await Promise.race([main(pathToFileURL(plan.program).href).then(() => true), pause(HANG_MS, false)])
    if (!ended) exited = HUNG
  } catch (error) {
    if (!(error instanceof Exit)) output += `\nnot caught: ${String((error as Error).stack)}`
  }
  const exitCode = exited ?? Number(process.exitCode ?? 0)
  return { exitCode, output }
}

const realExit = process.exit
const outcomes: FaultOutcome[] = []
let turn = 0
for (const { args, codesPerCall, prepare = {}, only, once = false } of plan.commands) {
  const reset = (): void => {
    for (const [file, text] of Object.entries(prepare)) {
      fs.rmSync(file, { recursive: true, force: true })
      if (text === null) continue
      fs.mkdirSync(path.dirname(file), { recursive: true })
      fs.writeFileSync(file, text)
    }
  }
  reset()
  faults.begin()
  const usual = await run(args)
  const seen = new Map<string, number>()
  for (const { call, path: file } of faults.end()) {
    const key = `${call} ${file}`
    const occurrence = seen.get(key) ?? 0
    seen.set(key, occurrence + 1)
    if (only !== undefined && !new RegExp(only).test(key)) continue
    if (once && occurrence > 0) continue
    for (let times = 0; times < codesPerCall; times += 1) {
      turn += 1
      if (turn % plan.every !== 0) continue
      const code = ERROR_CODES[(turn * 7) % ERROR_CODES.length]!
      reset()
      const fault = { call, path: file, occurrence, code }
      faults.begin(fault)
      const outcome = await run(args)
      const { hasStruck } = faults
      faults.end()
      const isUsual = outcome.exitCode === usual.exitCode && outcome.output === usual.output
      outcomes.push({ args, fault, hasStruck, isUsual, ...outcome })
      // It may still run and affect another command's files.
      if (outcome.exitCode === HUNG) end()
    }
  }
}
end()

function end(): never {
  writeFileSync(outcomesFile, JSON.stringify(outcomes))
  return realExit(0)
}
