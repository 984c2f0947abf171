import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { SETTING_NAMES } from '../../contracts/settings.ts'
import { settingsInForce } from '../../services/session/session.ts'
import type { Setting } from '../../services/session/settings.ts'

export default class ConfigGet extends BaseCommand {
  static override summary = 'Print the current value of a setting'

  static override examples = ['<%= config.bin %> <%= command.id %> project']

  static override args = {
    setting: Args.string({ description: 'project, region or name', options: [...SETTING_NAMES], required: true }),
  }

  async run(): Promise<Setting> {
    const { args } = await this.parse(ConfigGet)
    const { settings } = await settingsInForce(this.config.configDir, {})
    const setting = settings[args.setting as keyof typeof settings]
    this.log(setting.value ?? '')
    return setting
  }
}
