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
  static override summary = 'Show project, region and name in force, and who says so'

  static override description = `What a command on Google would work with: flags go before environment variables, those before imagery config, that before gcloud's active configuration, the project of the credentials, and the defaults. Where only one deployment of the project is remembered, its region and name need not be said.`

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    { description: 'For programs', command: '<%= config.bin %> <%= command.id %> --json' },
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
