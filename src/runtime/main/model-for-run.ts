import { callsPerInstance } from '../../contracts/concurrency.ts'
import { PIXELS } from '../../contracts/model-options.ts'
import { profileModel, type RunSpec } from '../../contracts/run-spec.ts'
import { Budget } from '../budget.ts'
import type { Clock } from '../clock.ts'
import type { ImageSource } from '../models/gemini-images.ts'
import type { ImageMemory } from '../models/image-memory.ts'
import type { Model } from '../models/model.ts'
import type { Shutdown } from '../shutdown.ts'
import { FirstCalls } from './first-calls.ts'

/** Where models get images, and the memory for them, which all runs of this process share. */
interface Source extends ImageSource {
  memory: ImageMemory
  decoding: Budget
  clock: Clock
}

/** What limits the calls of one run in this process. */
interface Turns {
  first: FirstCalls
  /** Null for no limit. */
  calls: Budget | null
}

/**
 * Returns the model of a run, created once per run. Models are loaded when the first asset needs one,
 * because image decoders and clients load slowly and a new instance must pass its health check first.
 * Units that wait for their turn when the instance starts to stop are not sent to the model.
 */
export function modelForRun(source: Source, shutdown: Pick<Shutdown, 'begun'>): (spec: RunSpec) => Promise<Model> {
  const models = new WeakMap<RunSpec, Promise<Model>>()
  const turns = new Map<string, Turns>()
  const { begun } = shutdown
  begun.addEventListener('abort', () => {
    for (const { first, calls } of turns.values()) {
      first.dismiss(begun.reason)
      calls?.dismiss(begun.reason)
    }
  })
  return (spec) => {
    let model = models.get(spec)
    if (!model) {
      model = load(spec, source).then((loaded) => inTurn(loaded, spec, turns, source.clock))
      models.set(spec, model)
    }
    return model
  }
}

/**
 * Limits a model to the units of its run that this instance may process at once. The limits belong to
 * the run, because a retry with other settings has its own spec and model.
 */
function inTurn(model: Model, spec: RunSpec, turns: Map<string, Turns>, clock: Clock): Model {
  const { first, calls } = turnsOf(spec, turns, clock)
  const inLimit: Model['answer'] = (asset, options) =>
    calls === null ? model.answer(asset, options) : calls.spend(1, options.signal, () => model.answer(asset, options))
  // Measuring pixels costs nothing.
  if (spec.gemini === null) return { answer: inLimit }
  return { answer: (asset, options) => first.make(options.signal, () => inLimit(asset, options)) }
}

function turnsOf({ run_id: runId, limits }: RunSpec, turns: Map<string, Turns>, clock: Clock): Turns {
  const most = callsPerInstance(limits)
  const known = turns.get(runId)
  if (known) return known
  const created = {
    first: new FirstCalls(clock, limits.turn_timeout_ms),
    calls: most === null ? null : new Budget(most),
  }
  turns.set(runId, created)
  return created
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
