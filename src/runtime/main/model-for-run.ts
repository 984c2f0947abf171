import { callsPerInstance } from '../../contracts/concurrency.ts'
import { PIXELS } from '../../contracts/model-options.ts'
import { profileModel, type RunSpec } from '../../contracts/run-spec.ts'
import { Budget } from '../budget.ts'
import type { ImageSource } from '../models/gemini-images.ts'
import type { ImageMemory } from '../models/image-memory.ts'
import type { Model } from '../models/model.ts'
import type { Shutdown } from '../shutdown.ts'

/** Where models get images, and the memory for them, which all runs of this process share. */
interface Source extends ImageSource {
  memory: ImageMemory
  decoding: Budget
}

/**
 * Returns the model of a run, created once per run. Models are loaded when the first asset needs one,
 * because image decoders and clients load slowly and a new instance must pass its health check first.
 * Units that wait for their turn when the instance starts to stop are not sent to the model.
 */
export function modelForRun(source: Source, shutdown: Pick<Shutdown, 'begun'>): (spec: RunSpec) => Promise<Model> {
  const models = new WeakMap<RunSpec, Promise<Model>>()
  const turns = new Map<string, Budget>()
  const { begun } = shutdown
  begun.addEventListener('abort', () => {
    for (const budget of turns.values()) budget.dismiss(begun.reason)
  })
  return (spec) => {
    let model = models.get(spec)
    if (!model) {
      model = load(spec, source).then((loaded) => inTurn(loaded, spec, turns))
      models.set(spec, model)
    }
    return model
  }
}

/**
 * Limits a model to the units of its run that this instance may process at once. The limit belongs to
 * the run, because a retry with other settings has its own spec and model.
 */
function inTurn(model: Model, { run_id, limits }: RunSpec, turns: Map<string, Budget>): Model {
  const most = callsPerInstance(limits)
  if (most === null) {
    return {
      async answer(asset, options) {
        await options.onTurn?.()
        return model.answer(asset, options)
      },
    }
  }
  const budget = turns.get(run_id) ?? new Budget(most)
  turns.set(run_id, budget)
  return {
    answer: (asset, options) =>
      budget.spend(1, options.signal, async () => {
        await options.onTurn?.()
        return model.answer(asset, options)
      }),
  }
}

async function load(spec: RunSpec, source: Source): Promise<Model> {
  const { profile } = spec
  if (profileModel(profile) === PIXELS) {
    const { pixelsModel } = await import('../models/pixels.ts')
    return pixelsModel({ profile, ...source })
  }
  const [{ geminiModel }, { askGemini }] = await Promise.all([
    import('../models/gemini.ts'),
    import('../../google/gemini.ts'),
  ])
  return geminiModel({ spec, ask: askGemini, ...source })
}
