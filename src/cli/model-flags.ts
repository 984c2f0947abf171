import { Flags } from '@oclif/core'
import { MEDIA_RESOLUTIONS } from '../contracts/model-options.ts'

/** What run and retry may ask of a Gemini model. */
export const modelFlags = {
  model: Flags.string({
    summary: "Gemini model to ask (default: the profile's)",
    helpGroup: 'GEMINI',
    helpValue: 'MODEL',
  }),
  'media-resolution': Flags.option({
    options: MEDIA_RESOLUTIONS,
    summary: "how finely the model looks at an image: more tokens, more cost (default: the profile's)",
    helpGroup: 'GEMINI',
  })(),
  prices: Flags.file({
    summary: 'price list (YAML or JSON) that goes before the one imagery ships',
    env: 'IMAGERY_PRICES',
    helpGroup: 'GEMINI',
    helpValue: 'FILE',
  }),
}
