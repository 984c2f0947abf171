import { BaseCommand } from '../../cli/base-command.ts'
import { settingFlags } from '../../cli/cloud-command.ts'
import { SETTING_NAMES, type SettingName } from '../../contracts/settings.ts'
import { settingsInForce } from '../../services/session/session.ts'
import type { SettingSource } from '../../services/session/settings.ts'
import { formatTable } from '../../ui/table.ts'

interface ListedSetting {
  setting: SettingName
  value: string | null
  source: SettingSource
  from: string
}

export default class ConfigList extends BaseCommand {
  static override summary = 'Show the current project, region and deployment name, and where each is set'

  static override description = `Shows what a command on Google Cloud uses. A flag overrides an environment variable, which overrides imagery config, then gcloud's active configuration, the project of the credentials, and the default. If this machine remembers only one deployment of the project, commands use its region and name by default.`

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    { description: 'As JSON', command: '<%= config.bin %> <%= command.id %> --json' },
  ]

  static override flags = settingFlags

  async run(): Promise<{ settings: ListedSetting[]; file: string }> {
    const { flags } = await this.parse(ConfigList)
    const { settings, file } = await settingsInForce(this.config.configDir, flags)
    const listed = SETTING_NAMES.map((setting) => ({ setting, ...settings[setting] }))
    this.show(
      formatTable(
        ['SETTING', 'VALUE', 'FROM'],
        listed.map(({ setting, value, from }) => [setting, value, from]),
        this.width,
        ['SETTING', 'VALUE'],
      ),
    )
    return { settings: listed, file }
  }
}
