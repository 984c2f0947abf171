import { ImageryError } from '../contracts/errors.ts'
import type { Profile } from '../contracts/run-spec.ts'
import { readTextFile } from '../contracts/text-file.ts'
import { findProfile, measuredAnswer } from './built-in-profiles.ts'
import { checkChoices, checkMeasured, checkProfile, checkSecrets } from './profile-check.ts'
import { parseProfile } from './profile-text.ts'
import type { ProfileCheck } from './profile-text.ts'

/** A name that ends like this is a file; any other is a built-in profile. */
export const PROFILE_FILE = /\.(?:yaml|yml|json)$/i

/** The paths that a shell passes for `<(command)`, and the path of standard input. */
export const PROFILE_PIPE = /^\/(?:dev\/(?:stdin|fd\/\d+)|proc\/self\/fd\/\d+)$/

/**
 * Returns the profile that the user named.
 *
 * @param nameOrPath a built-in profile's name, or a path that ends in .yaml, .yml or .json
 * @param more another check of a file
 * @throws ImageryError PROFILE_NOT_FOUND, FILE_NOT_FOUND or INVALID_PROFILE
 */
export function resolveProfile(nameOrPath: string, more: ProfileCheck = () => []): Profile {
  return PROFILE_FILE.test(nameOrPath) || PROFILE_PIPE.test(nameOrPath)
    ? loadProfileFile(nameOrPath, more)
    : findProfile(nameOrPath)
}

/**
 * Reads a user's own profile.
 *
 * @throws ImageryError FILE_NOT_FOUND, or INVALID_PROFILE with one line per problem: file, line, part, reason
 */
export function loadProfileFile(file: string, more: ProfileCheck = () => []): Profile {
  return parseProfile(textOf(file), file, (profile) => [...checkAll(profile), ...more(profile)])
}

const checkAll: ProfileCheck = (profile) => {
  const problems = [...checkProfile(profile), ...checkSecrets(profile), ...checkChoices(profile)]
  // A reserved name would also fail as not measured; one message is enough.
  return problems.length > 0 ? problems : checkMeasured(measuredAnswer)(profile)
}

function textOf(file: string): string {
  try {
    return readTextFile(file, { pipes: true })
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new ImageryError('FILE_NOT_FOUND', `Profile file ${file} does not exist`, {
        suggestions: ['imagery profiles list'],
        cause: error,
      })
    }
    throw new ImageryError(
      'INVALID_PROFILE',
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      {
        cause: error,
      },
    )
  }
}
