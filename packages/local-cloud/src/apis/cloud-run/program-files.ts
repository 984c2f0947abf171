import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { BuildError, prepareBundle } from './bundle.ts'
import type { Container } from './resources.ts'

/** The program settings in an image. */
export interface ImageConfig {
  workingDir: string
  environment: Record<string, string>
  entrypoint: string[]
  command: string[]
}

/** The source of images. */
export interface Images {
  /** Returns the image that the name currently refers to; undefined when there is none. */
  resolve(reference: string): { digest: string; config: ImageConfig } | undefined
  /** Copies an image's file system to `target`, which it creates. */
  copyTo(digest: string, target: string): void
}

/** A revision's program on this machine: the arguments of `node`, the directory, and the image's settings. */
export interface ProgramFiles {
  nodeArguments: readonly string[]
  directory: string
  environment: Readonly<Record<string, string>>
}

/** Returns the image's name with its digest; other names are unchanged. Throws BuildError with Cloud Run's message. */
export function pinnedImage(image: string, images: Images): string {
  if (image === 'scratch') return image
  const found = images.resolve(image)
  if (!found) throw new BuildError(`Image '${image}' not found.`)
  return `${image.replace(/(@sha256:.*|:[^/]*)$/, '')}@${found.digest}`
}

/**
 * Creates a revision's directory unless it exists: from its source archive, or from its image, which can
 * be deleted later (https://cloud.google.com/run/docs/deploying#images).
 *
 * @throws BuildError
 */
export async function prepareProgramFiles(
  directory: string,
  container: Container,
  from: { images: Images; readObject: (gsUri: string) => Promise<Buffer> },
): Promise<ProgramFiles> {
  if (container.image === 'scratch') {
    await prepareBundle(directory, container, from.readObject)
    return { nodeArguments: [...container.command.slice(1), ...container.args], directory, environment: {} }
  }
  if (!existsSync(directory)) pullImage(directory, container.image, from.images)
  const config = JSON.parse(readFileSync(path.join(directory, CONFIG_FILE), 'utf8')) as ImageConfig
  const root = path.join(directory, ROOT_FOLDER)
  const [program, ...parameters] = commandLine(container, config)
  if (program !== 'node') throw new BuildError(`the command "${program ?? ''}" is not emulated: only "node" is`)
  return {
    nodeArguments: parameters.map((parameter) => onThisMachine(parameter, root)),
    directory: path.join(root, config.workingDir),
    environment: config.environment,
  }
}

const CONFIG_FILE = 'image.json'
const ROOT_FOLDER = 'root'

function pullImage(directory: string, image: string, images: Images): void {
  const found = images.resolve(image)
  if (!found) throw new BuildError(`Image '${image}' not found.`)
  const unfinished = `${directory}.unfinished`
  rmSync(unfinished, { recursive: true, force: true })
  mkdirSync(unfinished, { recursive: true })
  images.copyTo(found.digest, path.join(unfinished, ROOT_FOLDER))
  mkdirSync(path.join(unfinished, ROOT_FOLDER, found.config.workingDir), { recursive: true })
  writeFileSync(path.join(unfinished, CONFIG_FILE), JSON.stringify(found.config))
  renameSync(unfinished, directory)
}

/**
 * `command` replaces the image's ENTRYPOINT and CMD, `args` replaces its CMD
 * (https://cloud.google.com/run/docs/configuring/services/containers#configure-entrypoint).
 */
function commandLine({ command, args }: Container, config: ImageConfig): string[] {
  if (command.length > 0) return [...command, ...args]
  return [...config.entrypoint, ...(args.length > 0 ? args : config.command)]
}

/** Returns the path under `root` on this machine of a path in the image, such as `/app/main.js`. */
function onThisMachine(parameter: string, root: string): string {
  if (!path.posix.isAbsolute(parameter)) return parameter
  const file = path.join(root, parameter)
  return existsSync(file) ? file : parameter
}
