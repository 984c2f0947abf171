import { PIXELS } from '../../contracts/model-options.ts'
import { profileModel, type RunSpec } from '../../contracts/run-spec.ts'
import type { ImageSource } from '../models/gemini-images.ts'
import type { Model } from '../models/model.ts'

/**
 * The model that a run asks, made once a run. Models are loaded when the first asset needs one:
 * image decoders and clients are slow to load, and a new instance must answer its health check first.
 */
export function modelForRun(source: ImageSource): (spec: RunSpec) => Promise<Model> {
  const models = new WeakMap<RunSpec, Promise<Model>>()
  return (spec) => {
    let model = models.get(spec)
    if (!model) {
      model = load(spec, source)
      models.set(spec, model)
    }
    return model
  }
}

async function load(spec: RunSpec, source: ImageSource): Promise<Model> {
  const { profile } = spec
  if (profileModel(profile) === PIXELS) {
    const { pixelsModel } = await import('../models/pixels.ts')
    return pixelsModel({ profile, readImage: source.readImage })
  }
  const [{ geminiModel }, { askGemini }] = await Promise.all([
    import('../models/gemini.ts'),
    import('../../google/gemini.ts'),
  ])
  return geminiModel({ spec, ask: askGemini, ...source })
}
