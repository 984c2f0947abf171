import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { Args, Flags } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { ImageryError } from '../../contracts/errors.ts'
import { shellWord } from '@imagery/local-cloud/contract/shell-word'
import { profileText } from '../../profiles/built-in-profiles.ts'
import { PROFILE_FILE } from '../../profiles/resolve-profile.ts'

/** A new profile starts as a copy of this one, which uses most features. */
const TEMPLATE = 'utility-pole'

export default class ProfilesInit extends BaseCommand {
  static override summary = 'Create a profile file from a built-in profile'

  static override description =
    'Copies a built-in profile under a new name. The first line of the file names the JSON Schema of profiles, so that editors can complete and check it.'

  static override examples = [
    '<%= config.bin %> <%= command.id %> hydrants.yaml',
    {
      description: 'From another built-in profile',
      command: '<%= config.bin %> <%= command.id %> my-signs.yaml --from road-signs',
    },
  ]

  static override args = {
    file: Args.string({ description: 'file to create; the profile is named after it', required: true }),
  }

  static override flags = {
    from: Flags.string({ summary: 'built-in profile to copy', default: TEMPLATE, helpValue: 'PROFILE' }),
  }

  async run(): Promise<{ file: string; name: string }> {
    const { args, flags } = await this.parse(ProfilesInit)
    const { file } = args
    if (!PROFILE_FILE.test(file) || file.toLowerCase().endsWith('.json')) {
      throw new ImageryError('INVALID_FLAG', `${file} must end in .yaml or .yml`, {
        suggestions: [`imagery profiles init ${shellWord(`${file.replace(/\.[^.]*$/, '')}.yaml`)}`],
      })
    }
    const name = profileName(file)
    const text = profileText(flags.from, path.dirname(path.resolve(file)))
    write(file, text.replace(/^name: .*$/m, `name: ${name}`))
    this.log(
      `Wrote ${file}.\n\nNext\n  ${this.next(`profiles validate ${shellWord(file)}`)}\n  ${this.next(`run --profile ${shellWord(file)} --table TABLE`)}`,
    )
    return { file, name }
  }
}

/** Derives a profile name from a file name: lower-case letters, digits and hyphens, starting with a letter. */
function profileName(file: string): string {
  const plain = path
    .basename(file)
    .replace(/\.[^.]*$/, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 60)
  return /^[a-z]/.test(plain) ? plain : `profile-${plain}`.replace(/-$/, '')
}

function write(file: string, text: string): void {
  try {
    writeFileSync(file, text, { flag: 'wx' })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') {
      throw new ImageryError('OUTPUT_EXISTS', `${file} already exists; nothing was written`, {
        suggestions: ['Choose another file name'],
        cause: error,
      })
    }
    throw new ImageryError('FILE_NOT_WRITABLE', `${file} cannot be written: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
