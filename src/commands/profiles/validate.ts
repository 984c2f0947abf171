import { Args } from '@oclif/core'
import { BaseCommand } from '../../cli/base-command.ts'
import { answerColumns } from '../../contracts/answer-schema.ts'
import type { Column } from '../../contracts/columns.ts'
import { PIXELS } from '../../contracts/model-options.ts'
import { profileModel } from '../../contracts/run-spec.ts'
import { schemaWarnings } from '../../profiles/profile-check.ts'
import { resolveProfile } from '../../profiles/resolve-profile.ts'
import { checkProfileModel, modelWarning } from '../../services/options/model-check.ts'
import { formatTable } from '../../ui/table.ts'

export default class ProfilesValidate extends BaseCommand {
  static override summary = 'Check a profile and show its columns'

  static override description =
    'Reads only the file. Calls no cloud and costs nothing. Reports every problem with its line, path and reason.'

  static override examples = ['<%= config.bin %> <%= command.id %> my-profile.yaml']

  static override args = {
    profile: Args.string({ description: 'profile file or name of a built-in profile', required: true }),
  }

  async run(): Promise<{
    valid: true
    name: string
    model: string
    columns: { name: string; type: string; description: string }[]
  }> {
    const { args } = await this.parse(ProfilesValidate)
    const profile = resolveProfile(args.profile, checkProfileModel)
    const model = profileModel(profile)
    for (const warning of model === PIXELS ? [] : schemaWarnings(profile)) this.warn(warning)
    const warning = modelWarning(model)
    if (warning !== undefined) this.warn(warning)
    const columns = answerColumns(profile.output).map((column) => ({
      name: column.name,
      type: columnType(column),
      description: column.description ?? '',
    }))
    this.log(`${args.profile} is a valid profile: ${profile.name}, model ${model}\n`)
    this.show(
      formatTable(
        ['COLUMN', 'TYPE', 'DESCRIPTION'],
        columns.map(({ name, type, description }) => [name, type, description]),
        this.width,
        ['COLUMN'],
      ),
    )
    return { valid: true, name: profile.name, model, columns }
  }
}

/** Returns a column's type in GoogleSQL. */
function columnType({ type, mode, columns }: Column): string {
  const single =
    type === 'STRUCT'
      ? `STRUCT<${(columns ?? []).map((member) => `${member.name} ${columnType(member)}`).join(', ')}>`
      : type
  return mode === 'REPEATED' ? `ARRAY<${single}>` : single
}
