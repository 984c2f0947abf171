import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { SETTING_NAMES, type SettingName } from '../../contracts/settings.ts'
import { openSettingsStore } from '../../services/session/settings-store.ts'
import { checkStoredSetting } from '../../services/session/settings.ts'

export default class ConfigSet extends BaseCommand {
  static override summary = 'Save a setting for all your commands'

  static override examples = [
    '<%= config.bin %> <%= command.id %> project my-project',
    '<%= config.bin %> <%= command.id %> region europe-west1',
  ]

  static override args = {
    setting: Args.string({ description: 'project, region or name', options: [...SETTING_NAMES], required: true }),
    value: Args.string({ description: 'value to save', required: true }),
  }

  async run(): Promise<{ setting: SettingName; value: string; file: string }> {
    const { args } = await this.parse(ConfigSet)
    const setting = args.setting as SettingName
    checkStoredSetting(setting, args.value)
    const store = await openSettingsStore(this.config.configDir)
    store.set(setting, args.value)
    this.log(`Saved ${setting} ${args.value}. Flags and environment variables override it.`)
    return { setting, value: args.value, file: store.path }
  }
}
