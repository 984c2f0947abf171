import type { RunSpec } from '../../contracts/run-spec.ts'
import type { Model } from '../models/model.ts'

/**
 * The model that a run asks, made once a run. Models are loaded when the first asset needs one:
 * image decoders are slow to load, and a new instance must answer its health check first.
 */
export function modelForRun(options: {
  readImage: (uri: string, signal: AbortSignal) => Promise<Buffer>
}): (spec: RunSpec) => Promise<Model> {
  const models = new WeakMap<RunSpec, Promise<Model>>()
  return (spec) => {
    let model = models.get(spec)
    if (!model) {
      model = load(spec, options.readImage)
      models.set(spec, model)
    }
    return model
  }
}

async function load(spec: RunSpec, readImage: (uri: string, signal: AbortSignal) => Promise<Buffer>): Promise<Model> {
  const { profile } = spec
  switch (profile.model) {
    case 'pixels': {
      const { pixelsModel } = await import('../models/pixels.ts')
      return pixelsModel({ profile, readImage })
    }
  }
}
