import { Args } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.ts'
import { modelFlags } from '../cli/model-flags.ts'
import { listModels, type ModelList } from '../services/options/model-list.ts'
import { formatModel, formatModels } from '../ui/models.ts'

export default class Models extends BaseCommand {
  static override summary = 'List the Gemini models that imagery knows, with their prices'

  static override description =
    'Shows list prices, tiers, thinking levels, image tokens and retirement dates from a dated table that is part of imagery. Calls no cloud. With --prices, shows which prices come from the file.'

  static override examples = [
    '<%= config.bin %> <%= command.id %>',
    {
      description: 'One model, with the source of each figure',
      command: '<%= config.bin %> <%= command.id %> gemini-3.5-flash-lite',
    },
    '<%= config.bin %> <%= command.id %> --prices our-prices.yaml --json',
  ]

  static override args = {
    model: Args.string({ description: 'show only this model (default: list them all)' }),
  }

  static override flags = { prices: modelFlags.prices }

  async run(): Promise<ModelList> {
    const { args, flags } = await this.parse(Models)
    const list = listModels({ only: args.model, prices: flags.prices })
    const [model] = list.models
    if (args.model !== undefined && model) this.show(formatModel(list, model))
    else {
      this.show(formatModels(list, this.width))
      this.log(`${this.next('models MODEL')} shows one model and where its figures come from.`)
    }
    return list
  }
}
