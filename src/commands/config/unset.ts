import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { SETTING_NAMES, type SettingName } from '../../contracts/settings.ts'
import { openSettingsStore } from '../../services/session/settings-store.ts'

export default class ConfigUnset extends BaseCommand {
  static override summary = 'Remove a saved setting'

  static override examples = ['<%= config.bin %> <%= command.id %> name']

  static override args = {
    setting: Args.string({ description: 'project, region or name', options: [...SETTING_NAMES], required: true }),
  }

  async run(): Promise<{ setting: SettingName; was_set: boolean; file: string }> {
    const { args } = await this.parse(ConfigUnset)
    const setting = args.setting as SettingName
    const store = await openSettingsStore(this.config.configDir)
    const wasSet = store.unset(setting)
    this.log(wasSet ? `Removed the saved ${setting}.` : `${setting} was not set.`)
    return { setting, was_set: wasSet, file: store.path }
  }
}
