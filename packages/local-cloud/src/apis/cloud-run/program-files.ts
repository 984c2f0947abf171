import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { BuildError, prepareBundle } from './bundle.ts'
import type { Container } from './resources.ts'

/** What an image says of the program in it. */
export interface ImageConfig {
  workingDir: string
  environment: Record<string, string>
  entrypoint: string[]
  command: string[]
}

/** Where images are pulled from. */
export interface Images {
  /** The image that the name means now; undefined when there is none. */
  resolve(reference: string): { digest: string; config: ImageConfig } | undefined
  /** Copies an image's file system to `target`, which is made. */
  copyTo(digest: string, target: string): void
}

/** A revision's program on this machine: what `node` is given, where, and what the image sets. */
export interface ProgramFiles {
  nodeArguments: readonly string[]
  directory: string
  environment: Readonly<Record<string, string>>
}

/** The image's name by its digest; names of no image are left alone. Throws BuildError in Cloud Run's words. */
export function pinnedImage(image: string, images: Images): string {
  if (image === 'scratch') return image
  const found = images.resolve(image)
  if (!found) throw new BuildError(`Image '${image}' not found.`)
  return `${image.replace(/(@sha256:.*|:[^/]*)$/, '')}@${found.digest}`
}

/**
 * Makes a revision's directory, unless it is there already: from its source archive, or from its
 * image, which may be deleted afterwards (https://cloud.google.com/run/docs/deploying#images).
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
 * `command` stands for the image's ENTRYPOINT and its CMD, `args` for its CMD
 * (https://cloud.google.com/run/docs/configuring/services/containers#configure-entrypoint).
 */
function commandLine({ command, args }: Container, config: ImageConfig): string[] {
  if (command.length > 0) return [...command, ...args]
  return [...config.entrypoint, ...(args.length > 0 ? args : config.command)]
}

/** The image's `/app/main.js` lies under `root` on this machine. */
function onThisMachine(parameter: string, root: string): string {
  if (!path.posix.isAbsolute(parameter)) return parameter
  const file = path.join(root, parameter)
  return existsSync(file) ? file : parameter
}
