import { BaseCommand } from '../../cli/base-command.ts'
import { profileModel } from '../../contracts/run-spec.ts'
import { builtInProfiles } from '../../profiles/built-in-profiles.ts'
import { formatTable } from '../../ui/table.ts'

export default class ProfilesList extends BaseCommand {
  static override summary = 'List the built-in profiles'

  static override examples = ['<%= config.bin %> <%= command.id %>']

  async run(): Promise<{ profiles: { name: string; model: string; description: string }[] }> {
    await this.parse(ProfilesList)
    const profiles = builtInProfiles().map((profile) => ({
      name: profile.name,
      model: profileModel(profile),
      description: profile.description,
    }))
    this.show(
      formatTable(
        ['PROFILE', 'MODEL', 'DESCRIPTION'],
        profiles.map(({ name, model, description }) => [name, model, description]),
        this.width,
      ),
    )
    return { profiles }
  }
}
