import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import os from 'node:os'
import { fileURLToPath } from 'node:url'
import { getSystemErrorMap } from 'node:util'

/** A call of one of Node's file functions, with its file. */
export interface FileCall {
  call: string
  path: string
}

/** Node's function and the system call that its errors name. */
const SYSTEM_CALLS: Record<string, string> = {
  access: 'access',
  appendFile: 'open',
  chmod: 'chmod',
  close: 'close',
  copyFile: 'copyfile',
  fstat: 'fstat',
  fsync: 'fsync',
  lstat: 'lstat',
  mkdir: 'mkdir',
  mkdtemp: 'mkdtemp',
  open: 'open',
  read: 'read',
  readFile: 'open',
  readdir: 'scandir',
  readlink: 'readlink',
  realpath: 'realpath',
  rename: 'rename',
  rm: 'rm',
  rmdir: 'rmdir',
  stat: 'stat',
  truncate: 'open',
  unlink: 'unlink',
  utimes: 'utime',
  write: 'write',
  writeFile: 'open',
}

const HANDLE_CALLS = ['close', 'read', 'readFile', 'stat', 'sync', 'write', 'writeFile'] as const

const numbers = new Map([...getSystemErrorMap()].map(([number, [code]]) => [code, number]))

/** The codes that a system call on a file may fail with. */
export const ERROR_CODES: readonly string[] = Object.keys(os.constants.errno).filter((code) => numbers.has(code))

type AnyFunction = (...args: unknown[]) => unknown

/**
 * Wraps Node's file functions in this process: lists their calls, and makes one of them fail as the system would. Must be
 * created before any module that uses files is loaded, because it may keep the functions.
 */
export class FileFaults {
  readonly #ignored: (path: string) => boolean
  readonly #paths = new Map<number, string>()
  #calls: FileCall[] = []
  #fault: (FileCall & { occurrence: number; code: string }) | undefined
  #met = 0
  #isListing = false

  /** @param ignored files that do not concern the command, such as its own program's */
  constructor(ignored: (path: string) => boolean) {
    this.#ignored = ignored
    const library = fs as unknown as Record<string, AnyFunction>
    const promises = fs.promises as unknown as Record<string, AnyFunction>
    for (const name of Object.keys(SYSTEM_CALLS)) {
      if (typeof library[`${name}Sync`] === 'function')
        library[`${name}Sync`] = this.#sync(name, library[`${name}Sync`]!)
      if (typeof library[name] === 'function') library[name] = this.#callback(name, library[name])
      if (typeof promises[name] === 'function') promises[name] = this.#promise(name, promises[name])
    }
    syncBuiltinESMExports()
  }

  /** From now on, lists the calls; the `occurrence`-th of one kind fails, if there is a fault. */
  begin(fault?: FileCall & { occurrence: number; code: string }): void {
    this.#calls = []
    this.#fault = fault
    this.#met = 0
    this.#isListing = true
  }

  /** The calls since `begin`. */
  end(): FileCall[] {
    this.#fault = undefined
    this.#isListing = false
    return this.#calls
  }

  /** Whether the fault has occurred. */
  get hasStruck(): boolean {
    return this.#fault !== undefined && this.#met > this.#fault.occurrence
  }

  /** Records a call, and returns the error that it must fail with. */
  #check(name: string, target: unknown): Error | undefined {
    if (!this.#isListing) return undefined
    const file = typeof target === 'number' ? this.#paths.get(target) : pathOf(target)
    if (file === undefined || this.#ignored(file)) return undefined
    const path = stableName(file)
    this.#calls.push({ call: name, path })
    const fault = this.#fault
    if (!fault || fault.call !== name || fault.path !== path) return undefined
    this.#met += 1
    return this.#met - 1 === fault.occurrence ? systemError(fault.code, name, target) : undefined
  }

  #opened(name: string, path: unknown, handle: unknown): void {
    if (name === 'open' && typeof handle === 'number') this.#paths.set(handle, pathOf(path))
  }

  #sync(name: string, real: AnyFunction): AnyFunction {
    const check = this.#check.bind(this)
    const opened = this.#opened.bind(this)
    return Object.assign(function (this: unknown, ...args: unknown[]) {
      const error = check(name, args[0])
      // The file is closed, no matter what the call reports.
      if (error && name === 'close') Reflect.apply(real, this, args)
      if (error) throw error
      const result = Reflect.apply(real, this, args)
      opened(name, args[0], result)
      return result
    }, real)
  }

  #callback(name: string, real: AnyFunction): AnyFunction {
    const check = this.#check.bind(this)
    const opened = this.#opened.bind(this)
    return Object.assign(function (this: unknown, ...args: unknown[]) {
      const error = check(name, args[0])
      const done = args.at(-1)
      if (typeof done !== 'function') return Reflect.apply(real, this, args)
      // Node returns the buffer in any case, because a stream that retries needs it.
      if (error && name !== 'close') return process.nextTick(done, error, 0, args[1])
      return Reflect.apply(real, this, [
        ...args.slice(0, -1),
        (failure: unknown, ...results: unknown[]) => {
          opened(name, args[0], results[0])
          ;(done as AnyFunction)(error ?? failure, ...results)
        },
      ])
    }, real)
  }

  #promise(name: string, real: AnyFunction): AnyFunction {
    return async (...args: unknown[]) => {
      const error = this.#check(name, args[0])
      if (error) throw error
      const result = await real(...args)
      if (name === 'open') this.#watchHandle(result as Record<string, AnyFunction>, pathOf(args[0]))
      return result
    }
  }

  #watchHandle(handle: Record<string, AnyFunction>, path: string): void {
    for (const name of HANDLE_CALLS) {
      const real = handle[name]!.bind(handle)
      handle[name] = async (...args: unknown[]) => {
        const call = name === 'stat' ? 'fstat' : name === 'sync' ? 'fsync' : name
        const error = this.#check(`handle.${name}`, path)
        if (error && name === 'close') await real(...args)
        if (error) throw systemError((error as NodeJS.ErrnoException).code!, call, 0)
        return real(...args)
      }
    }
  }
}

function pathOf(target: unknown): string {
  return target instanceof URL ? fileURLToPath(target) : String(target)
}

/** The same name in every run, because part of a temporary file's name is random. */
function stableName(file: string): string {
  return file.replace(/\.tmp-[0-9a-f]+$/, '.tmp-*').replace(/(\/imagery-)\w{6}(?=\/|$)/, '$1*')
}

/** Node's error for the system's answer. Node no longer knows the path of an open file. */
function systemError(code: string, name: string, target: unknown): Error {
  const syscall = SYSTEM_CALLS[name.replace('handle.', '')] ?? name
  const words = [...getSystemErrorMap().values()].find(([known]) => known === code)?.[1] ?? 'unknown'
  const path = typeof target === 'number' ? undefined : pathOf(target)
  const message = `${code}: ${words}, ${syscall}${path === undefined ? '' : ` '${path}'`}`
  return Object.assign(new Error(message), {
    errno: numbers.get(code),
    code,
    syscall,
    ...(path === undefined ? {} : { path }),
  })
}
