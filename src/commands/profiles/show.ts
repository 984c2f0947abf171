import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { profileText } from '../../profiles/built-in-profiles.ts'
import { resolveProfile } from '../../profiles/resolve-profile.ts'
import type { Profile } from '../../contracts/run-spec.ts'

export default class ProfilesShow extends BaseCommand {
  static override summary = 'Print a built-in profile as YAML, ready to copy'

  static override examples = [
    '<%= config.bin %> <%= command.id %> image-quality',
    '<%= config.bin %> <%= command.id %> image-quality > my-profile.yaml',
  ]

  static override args = {
    profile: Args.string({ description: 'name of a built-in profile', required: true }),
  }

  async run(): Promise<{ profile: Profile }> {
    const { args } = await this.parse(ProfilesShow)
    const profile = resolveProfile(args.profile)
    if (!this.jsonEnabled()) process.stdout.write(profileText(profile.name))
    return { profile }
  }
}
