import { SETTING_NAMES, type SettingName } from '../../contracts/settings.ts'
import type { GivenSettings } from './settings.ts'
import { openUserFile } from './user-file.ts'

/** The settings that the user saved for all commands, in `config.json` in the configuration folder. */
export interface SettingsStore {
  path: string
  all(): GivenSettings
  set(setting: SettingName, value: string): void
  /** Returns whether there was a value. */
  unset(setting: SettingName): boolean
}

/** @throws ImageryError INVALID_CONFIGURATION that names the file if it cannot be read or written */
export async function openSettingsStore(directory: string): Promise<SettingsStore> {
  const { path, use } = await openUserFile<Partial<Record<SettingName, string>>>(directory, {
    name: 'config',
    what: 'configuration file',
    remedy: 'then set the values again with imagery config set',
    defaults: {},
  })
  return {
    path,
    all: () =>
      use((config) =>
        Object.fromEntries(
          SETTING_NAMES.flatMap((setting) => {
            const value: unknown = config.get(setting)
            return typeof value === 'string' ? [[setting, value]] : []
          }),
        ),
      ),
    set: (setting, value) => use((config) => config.set(setting, value)),
    unset: (setting) =>
      use((config) => {
        const wasSet = config.has(setting)
        config.delete(setting)
        return wasSet
      }),
  }
}
