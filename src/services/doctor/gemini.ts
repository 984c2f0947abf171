import { geminiModelFacts, MODELS_DATED, pastRetirement } from '../../contracts/gemini-models.ts'
import { DEFAULT_GEMINI_MODEL } from '../../contracts/model-options.ts'
import { nearModel } from '../options/model-check.ts'
import { countTokens, GeminiRefused } from '../../google/gemini.ts'
import { CloudError } from '../../google/transport/errors.ts'
import { failed, ok, unknown, warning, type Check } from './check.ts'

/** A model's retirement is reported this many days ahead. */
const NOTICE_DAYS = 90

export const gemini: Check = {
  name: 'gemini',
  title: 'Gemini',
  async run({ target: { place }, model, location }) {
    const retirement = geminiModelFacts(model)?.retirement
    const near = nearModel(model)
    const instead = `--model ${retirement?.instead ?? near?.instead ?? DEFAULT_GEMINI_MODEL}`
    try {
      await countTokens({ projectId: place.projectId, location, model })
    } catch (error) {
      if (!(error instanceof GeminiRefused)) throw error
      const past = pastRetirement(model)
      if (past) return failed(`${model} was retired on ${past.day}`, `--model ${past.instead ?? DEFAULT_GEMINI_MODEL}`)
      const refused = new CloudError('PERMISSION_DENIED', error.message, { cause: error })
      if (refused.reason === 'SERVICE_DISABLED') throw refused
      // The caller does not need access to the model: imagery-runtime calls it.
      if ('http' in error.sign && (error.sign.http === 401 || error.sign.http === 403))
        return unknown(`this account is not allowed to call ${model}, and does not need to: ${error.message}`)
      const meant = near === undefined ? '' : `. ${near.question}`
      return failed(`${model} does not respond in ${location}: ${error.message}${meant}`, instead, '--location global')
    }
    if (retirement?.isFixed && daysUntil(retirement.day) < NOTICE_DAYS) {
      return warning(
        `${model} responds in ${location}, but Google retires it on ${retirement.day} (as of ${MODELS_DATED})`,
        instead,
      )
    }
    return ok(`${model} responds in ${location}`)
  },
}

function daysUntil(day: string): number {
  return (Date.parse(day) - Date.now()) / 86_400_000
}
