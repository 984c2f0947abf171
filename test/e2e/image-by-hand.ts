import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

/** What `docker build` would leave: a root file system, and how its containers start. */
export interface BuiltImage {
  folder: string
  workingDirectory: string
  environment: Record<string, string>
  user: string
  command: string[]
}

/** Files that are published with npm, by their paths in the package. */
export type Published = ReadonlySet<string>

interface Instruction {
  keyword: string
  value: string
}

/**
 * Does by hand what `docker build` does with our Dockerfile, in an empty folder, from the files that
 * npm publishes and no other (https://docs.docker.com/reference/dockerfile/). It knows the
 * instructions in our Dockerfile; any other is refused, so that it does not seem tested.
 *
 * @param options.root the package's folder
 * @param options.folder the empty folder that becomes the image's root
 */
export function buildImage(options: { root: string; folder: string; published: Published }): BuiltImage {
  const image: BuiltImage = {
    folder: options.folder,
    workingDirectory: '/',
    environment: {},
    user: 'root',
    command: [],
  }
  for (const { keyword, value } of instructions(readFileSync(path.join(options.root, 'Dockerfile'), 'utf8'))) {
    switch (keyword) {
      case 'FROM':
        // The machine's own Node stands for the base image; the floor is the same.
        if (!/^node:(2[2-9]|[3-9]\d)\S*$/.test(value)) throw new Error(`FROM ${value} is no Node of 22 or later`)
        break
      case 'ENV': {
        const [, name = '', text = ''] = /^(\w+)=(\S+)$/.exec(value) ?? []
        image.environment[name] = text
        break
      }
      case 'WORKDIR':
        image.workingDirectory = path.posix.resolve(image.workingDirectory, value)
        mkdirSync(inside(image, '.'), { recursive: true })
        break
      case 'COPY':
        copy(image, value, options)
        break
      case 'RUN':
        for (const command of value.split('&&')) run(image, command.trim(), options.root)
        break
      case 'USER':
        image.user = value
        break
      case 'CMD':
        image.command = JSON.parse(value) as string[]
        break
      default:
        throw new Error(`this build does not know ${keyword}`)
    }
  }
  makeReadable(options.folder)
  return image
}

function instructions(text: string): Instruction[] {
  return text
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, keyword = '', value = ''] = /^(\S+)\s+(.*)$/.exec(line) ?? []
      return { keyword: keyword.toUpperCase(), value: value.trim() }
    })
}

function inside(image: BuiltImage, target: string): string {
  return path.join(image.folder, path.posix.resolve(image.workingDirectory, target))
}

/** Files into a folder, or what is in a folder into another. */
function copy(image: BuiltImage, value: string, { root, published }: { root: string; published: Published }): void {
  const words = value.split(/\s+/)
  const target = words.pop() ?? ''
  for (const source of words) {
    const isFolder = source.endsWith('/')
    const files = [...published].filter((file) => (isFolder ? file.startsWith(source) : file === source))
    if (files.length === 0) throw new Error(`COPY ${source}: npm publishes no such file`)
    for (const file of files) {
      const to = path.join(inside(image, target), isFolder ? file.slice(source.length) : path.basename(file))
      cpSync(path.join(root, file), to)
    }
  }
}

/** `npm ci` puts the locked packages there; the ones that are tested here are installed beside us. */
function run(image: BuiltImage, command: string, root: string): void {
  if (command === 'npm cache clean --force') return
  if (!/^npm ci( --omit=dev| --ignore-scripts| --no-audit| --no-fund)*$/.test(command))
    throw new Error(`this build does not know RUN ${command}`)
  const read = (name: string): { dependencies?: object } =>
    JSON.parse(readFileSync(path.join(inside(image, '.'), name), 'utf8')) as object
  const { packages } = read('package-lock.json') as { packages: Record<string, LockedPackage> }
  const { '': top, ...locked } = packages
  if (JSON.stringify(top?.dependencies) !== JSON.stringify(read('package.json').dependencies))
    throw new Error('npm ci: package.json and package-lock.json are not in step')
  for (const [name, { version, optional }] of Object.entries(locked)) {
    const installed = path.join(root, name)
    if (!existsSync(installed)) {
      if (optional) continue
      throw new Error(`npm ci: ${name} is not installed here`)
    }
    const found = (JSON.parse(readFileSync(path.join(installed, 'package.json'), 'utf8')) as LockedPackage).version
    if (found !== version) throw new Error(`npm ci: ${name} is locked at ${version}, and ${found} is installed here`)
    cpSync(installed, path.join(inside(image, '.'), name), { recursive: true, dereference: true })
  }
}

interface LockedPackage {
  version?: string
  optional?: boolean
  dependencies?: object
}

/** Root's files, as in an image: all users may read them, only root may write. */
function makeReadable(folder: string): void {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const file = path.join(folder, entry)
    chmodSync(file, statSync(file).isDirectory() ? 0o755 : 0o644)
  }
}
