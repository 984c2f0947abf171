import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AnswerSchema } from '../contracts/answer-schema.ts'
import { ImageryError } from '../contracts/errors.ts'
import type { Measurement } from '../contracts/model-options.ts'
import type { Profile } from '../contracts/run-spec.ts'
import { nearestName } from './nearest-name.ts'
import { checkProfile } from './profile-check.ts'
import { withSchemaLine } from './profile-schema.ts'
import { parseProfile } from './profile-text.ts'

interface BuiltIn {
  profile: Profile
  text: string
}

/** By name. Most commands use one, and reading one takes a command 20 ms. */
const loaded = new Map<string, BuiltIn>()

/**
 * Returns the folder of the built-in profiles: `src/profiles/built-in` in the sources, or
 * `dist/profiles` in the build, where this module can be part of any bundle.
 */
export function builtInFolder(): string {
  const here = fileURLToPath(import.meta.url)
  const root = packageRoot(here)
  const isBuilt = here.startsWith(path.join(root, 'dist') + path.sep)
  return isBuilt ? path.join(root, 'dist', 'profiles') : path.join(root, 'src', 'profiles', 'built-in')
}

/** Returns all built-in profiles, sorted by file name. */
export function builtInProfiles(): Profile[] {
  return builtInNames().map((name) => builtIn(name).profile)
}

/**
 * @throws ImageryError PROFILE_NOT_FOUND with all names, and a suggested one
 */
export function findProfile(name: string): Profile {
  return builtIn(name).profile
}

/**
 * Returns the YAML of a built-in profile, ready to save as a file in `folder` and edit.
 *
 * @throws ImageryError PROFILE_NOT_FOUND
 */
export function profileText(name: string, folder = process.cwd()): string {
  return withSchemaLine(builtIn(name).text, folder, packageRoot(fileURLToPath(import.meta.url)))
}

/** Returns the full answer of a measurement, which the built-in profile with its name declares. */
export function measuredAnswer(measure: Measurement): AnswerSchema {
  return findProfile(measure).output
}

function builtIn(name: string): BuiltIn {
  const known = loaded.get(name)
  if (known) return known
  const names = builtInNames()
  if (!names.includes(name)) throw notFound(name, names)
  const file = `${name}${ENDING}`
  const text = readFileSync(path.join(builtInFolder(), file), 'utf8')
  const found = { profile: parseProfile(text, file, checkProfile), text }
  loaded.set(name, found)
  return found
}

function notFound(name: string, names: readonly string[]): ImageryError {
  const near = nearestName(name, names)
  const meant = near === undefined ? '' : ` Did you mean ${near}?`
  return new ImageryError(
    'PROFILE_NOT_FOUND',
    `Unknown profile ${JSON.stringify(name)}.${meant} Built-in profiles: ${names.join(', ')}. To use your own, name a file that ends in .yaml, .yml or .json.`,
    { suggestions: ['imagery profiles list', ...(near === undefined ? [] : [`imagery profiles show ${near}`])] },
  )
}

const ENDING = '.yaml'

/** A built-in profile has the name of its file. */
function builtInNames(): string[] {
  return readdirSync(builtInFolder())
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length))
    .toSorted()
}

function packageRoot(from: string): string {
  for (let folder = path.dirname(from); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json')
    if (existsSync(manifest)) {
      const { name } = JSON.parse(readFileSync(manifest, 'utf8')) as { name?: unknown }
      if (name === 'imagery') return folder
    }
    if (folder === path.dirname(folder)) throw new Error(`no package.json of imagery in ${from} or above`)
  }
}
