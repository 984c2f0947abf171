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

let loaded: Map<string, BuiltIn> | undefined

/**
 * The folder of the built-in profiles, from the sources as well as from the build, where this
 * module may be part of any bundle: `src/profiles/built-in` or `dist/profiles`.
 */
export function builtInFolder(): string {
  const here = fileURLToPath(import.meta.url)
  const root = packageRoot(here)
  const isBuilt = here.startsWith(path.join(root, 'dist') + path.sep)
  return isBuilt ? path.join(root, 'dist', 'profiles') : path.join(root, 'src', 'profiles', 'built-in')
}

/** All built-in profiles, by name. */
export function builtInProfiles(): Profile[] {
  return [...builtIns().values()].map(({ profile }) => profile)
}

/**
 * @throws ImageryError PROFILE_NOT_FOUND with all names, and the one that was probably meant
 */
export function findProfile(name: string): Profile {
  return builtIn(name).profile
}

/**
 * The YAML of a built-in profile, ready to be copied into a file in `folder` and changed.
 *
 * @throws ImageryError PROFILE_NOT_FOUND
 */
export function profileText(name: string, folder = process.cwd()): string {
  return withSchemaLine(builtIn(name).text, folder, packageRoot(fileURLToPath(import.meta.url)))
}

/** The whole answer of a measurement: that of the built-in profile of its name. */
export function measuredAnswer(measure: Measurement): AnswerSchema {
  return findProfile(measure).output
}

function builtIn(name: string): BuiltIn {
  const found = builtIns().get(name)
  if (found) return found
  const names = [...builtIns().keys()]
  const near = nearestName(name, names)
  const meant = near === undefined ? '' : ` Did you mean ${near}?`
  throw new ImageryError(
    'PROFILE_NOT_FOUND',
    `There is no profile ${JSON.stringify(name)}.${meant} Built in: ${names.join(', ')}. A profile of your own is a file that ends in .yaml, .yml or .json.`,
    { suggestions: ['imagery profiles list', ...(near === undefined ? [] : [`imagery profiles show ${near}`])] },
  )
}

function builtIns(): Map<string, BuiltIn> {
  loaded ??= new Map(
    readdirSync(builtInFolder())
      .filter((file) => file.endsWith('.yaml'))
      .toSorted()
      .map((file) => {
        const text = readFileSync(path.join(builtInFolder(), file), 'utf8')
        const profile = parseProfile(text, file, checkProfile)
        return [profile.name, { profile, text }]
      }),
  )
  return loaded
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
