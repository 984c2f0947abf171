import { mkdirSync, statSync } from 'node:fs'
import path from 'node:path'
import type { ImageConfig } from '../artifact-registry/index.ts'
import { copyFiles } from './copy.ts'
import { DockerfileError, withVariables, words, type Instruction } from './dockerfile.ts'
import { runCommand } from './npm-ci.ts'

/** Base images with Node.js, which the local cloud can run: Docker's own, and Google's runtimes. */
const NODE_IMAGE =
  /^(?:(?:docker\.io\/)?(?:library\/)?node(?::[\w.-]+)?|[\w.-]+\/serverless-runtimes\/[\w./-]+\/nodejs\d+(?::[\w.-]+)?)(?:@sha256:[0-9a-f]{64})?$/

/** Instructions that say something about the image which nothing here depends on. */
const WITHOUT_EFFECT = new Set(['EXPOSE', 'LABEL', 'STOPSIGNAL', 'MAINTAINER'])

/** Carries out a Dockerfile's instructions on a folder that stands for the image's file system. */
export class ImageBuilder {
  readonly #context: string
  readonly #root: string
  #config: ImageConfig = { workingDir: '/', environment: {}, entrypoint: [], command: ['node'], user: '' }
  #hasBase = false

  /**
   * @param context the unpacked archive
   * @param root an empty folder
   */
  constructor(context: string, root: string) {
    this.#context = context
    this.#root = root
  }

  /** The command of the finished image. Throws DockerfileError when its program is not in the image. */
  finish(commandLine: number): ImageConfig {
    const { entrypoint, command, workingDir } = this.#config
    const problem = commandProblem([...entrypoint, ...command], workingDir, this.#root)
    if (problem !== undefined) throw new DockerfileError(`line ${commandLine}: ${problem}`)
    return this.#config
  }

  /** Throws DockerfileError. */
  apply(instruction: Instruction): void {
    const { keyword } = instruction
    if (keyword === 'FROM') this.#from(instruction)
    else if (keyword === 'ENV') this.#env(instruction.text)
    else if (keyword === 'WORKDIR') this.#workdir(withVariables(instruction.text, this.#config.environment))
    else if (keyword === 'COPY') this.#copy(instruction)
    else if (keyword === 'RUN') this.#run(instruction)
    else if (keyword === 'USER') this.#config = { ...this.#config, user: instruction.text }
    else if (keyword === 'CMD') this.#config = { ...this.#config, command: execForm(instruction) }
    else if (keyword === 'ENTRYPOINT')
      this.#config = { ...this.#config, entrypoint: execForm(instruction), command: [] }
    else if (!WITHOUT_EFFECT.has(keyword)) throw new DockerfileError(`${keyword} is not emulated by the local cloud`)
  }

  #from({ text, flags }: Instruction): void {
    if (this.#hasBase) throw new DockerfileError('a Dockerfile of several stages is not emulated by the local cloud')
    const [image = '', as, ...rest] = words(text)
    if (flags.length > 0 || (as !== undefined && as.toUpperCase() !== 'AS') || rest.length > 1) {
      throw new DockerfileError(`FROM ${[...flags, text].join(' ')} is not emulated by the local cloud`)
    }
    if (!NODE_IMAGE.test(image)) {
      throw new DockerfileError(
        `FROM ${image}: the local cloud runs Node.js alone; only the images "node" are emulated`,
      )
    }
    this.#hasBase = true
  }

  #env(text: string): void {
    const [, legacyName, legacyValue] = /^(\w+)\s+([^=].*)$/s.exec(text) ?? []
    const pairs = legacyName === undefined ? words(text) : [`${legacyName}=${legacyValue}`]
    const environment = { ...this.#config.environment }
    for (const pair of pairs) {
      const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(pair) ?? []
      if (name === undefined)
        throw new DockerfileError(`Syntax error - can't find = in "${pair}". Must be of the form: name=value`)
      // Values of one instruction do not see each other.
      environment[name] = withVariables(value ?? '', this.#config.environment)
    }
    this.#config = { ...this.#config, environment }
  }

  #workdir(directory: string): void {
    const workingDir = path.posix.resolve(this.#config.workingDir, directory)
    mkdirSync(path.join(this.#root, workingDir), { recursive: true })
    this.#config = { ...this.#config, workingDir }
  }

  #copy({ flags, text, list }: Instruction): void {
    // Everything here belongs to one user, regardless of the owner named.
    const stranger = flags.find((flag) => !flag.startsWith('--chown='))
    if (stranger !== undefined) throw new DockerfileError(`COPY ${stranger} is not emulated by the local cloud`)
    const paths = (list ?? words(text)).map((part) => withVariables(part, this.#config.environment))
    const target = paths.at(-1)
    if (target === undefined || paths.length < 2) throw new DockerfileError('COPY requires at least two arguments')
    const isFolder = /(^|\/)\.{0,2}\/?$/.test(target) || target.endsWith('/')
    const absolute = path.posix.resolve(this.#config.workingDir, target)
    copyFiles(this.#context, paths.slice(0, -1), this.#root, isFolder && absolute !== '/' ? `${absolute}/` : absolute)
  }

  #run({ flags, text, list }: Instruction): void {
    if (flags.length > 0) throw new DockerfileError(`RUN ${flags[0]} is not emulated by the local cloud`)
    const { workingDir, environment } = this.#config
    runCommand(list ? list.join(' ') : text, path.join(this.#root, workingDir), environment)
  }
}

function execForm({ keyword, text, list }: Instruction): string[] {
  if (list) return list
  throw new DockerfileError(
    `${keyword} ${text}: the local cloud has no shell; write the command as a list, ${keyword} ["node", "main.js"]`,
  )
}

/**
 * Returns the problem of a container's command; undefined for `node` with a program that exists, which
 * the local cloud can run.
 *
 * @param root the folder that stands for `/`
 */
export function commandProblem(command: readonly string[], workingDir: string, root: string): string | undefined {
  const [program, ...parameters] = command
  if (program !== 'node') return `the command "${command.join(' ')}" is not emulated by the local cloud: only "node" is`
  const script = parameters.find((parameter) => !parameter.startsWith('-'))
  if (script === undefined) return 'the command names no program for "node"'
  const file = path.join(root, path.posix.resolve(workingDir, script))
  return statSync(file, { throwIfNoEntry: false })?.isFile()
    ? undefined
    : `the command names "${script}", which is not in the image`
}
