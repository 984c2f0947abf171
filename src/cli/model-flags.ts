import { Flags } from '@oclif/core'
import { MEDIA_RESOLUTIONS } from '../contracts/model-options.ts'

/** Flags of run and retry for the Gemini model. */
export const modelFlags = {
  model: Flags.string({
    summary: "Gemini model to use (default: the profile's)",
    helpGroup: 'GEMINI',
    helpValue: 'MODEL',
  }),
  'media-resolution': Flags.option({
    options: MEDIA_RESOLUTIONS,
    summary: "image resolution sent to the model; higher costs more tokens (default: the profile's)",
    helpGroup: 'GEMINI',
  })(),
  prices: Flags.file({
    summary: 'price list (YAML or JSON) that overrides the built-in one',
    env: 'IMAGERY_PRICES',
    helpGroup: 'GEMINI',
    helpValue: 'FILE',
  }),
}
