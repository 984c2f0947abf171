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

/**
 * Returns the image's name with its digest; other names are unchanged. Throws BuildError with Cloud Run's message. The
 * service agent of the local project has no access to the images of another.
 */
export function pinnedImage(
  image: string,
  images: Images,
  { projectId, projectNumber }: { projectId: string; projectNumber: string },
): string {
  if (image === 'scratch') return image
  const owner = /^[a-z0-9-]+-docker\.pkg\.dev\/([^/]+)\//.exec(image)?.[1]
  if (owner !== undefined && owner !== projectId) throw foreignImage(image, { owner, projectId, projectNumber })
  const found = images.resolve(image)
  if (!found) throw new BuildError(`Image '${image}' not found.`)
  return `${image.replace(/(@sha256:.*|:[^/]*)$/, '')}@${found.digest}`
}

/** https://cloud.google.com/run/docs/troubleshooting, "missing permission to read the image" */
function foreignImage(
  image: string,
  { owner, projectId, projectNumber }: { owner: string; projectId: string; projectNumber: string },
): BuildError {
  const agent = `service-${projectNumber}@serverless-robot-prod.iam.gserviceaccount.com`
  return new BuildError(
    `Google Cloud Run Service Agent ${agent} must have permission to read the image, ${image}. Ensure that the provided ` +
      'container image URL is correct and that the above account has permission to access the image. If you just enabled ' +
      'the Cloud Run API, the permissions might take a few minutes to propagate. Note that the image is from project ' +
      `[${owner}], which is not the same as this project [${projectId}]. Permission must be granted to the Google Cloud Run ` +
      `Service Agent ${agent} from this project.`,
  )
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
