import { callsPerInstance } from '../../contracts/concurrency.ts'
import { PIXELS } from '../../contracts/model-options.ts'
import { questionHash } from '../../contracts/question-hash.ts'
import { profileModel, type RunSpec } from '../../contracts/run-spec.ts'
import { Budget } from '../budget.ts'
import { GeminiRefused } from '../../google/gemini.ts'
import type { Clock } from '../clock.ts'
import { Pacing, type PacingFigures, type SlowDown } from '../limits/pacing.ts'
import type { ImageSource } from '../models/gemini-images.ts'
import type { ImageMemory } from '../models/image-memory.ts'
import { AttemptFailure, type InTurn, type Model } from '../models/model.ts'
import type { Shutdown } from '../shutdown.ts'
import { FirstCalls } from './first-calls.ts'
import { FirstInstance, type FirstCallRecords } from './first-instance.ts'

/** Where models get images, and the memory for them, which all runs of this process share. */
interface Source extends ImageSource {
  memory: ImageMemory
  decoding: Budget
  clock: Clock
  /** Shared with the other instances. Absent in the only one. */
  firstCalls?: FirstCallRecords | undefined
}

/** What limits the calls of one run in this process. */
interface Turns {
  /** By the question, because a retry with another model has first calls of its own. */
  first: Map<string, FirstCalls>
  /** Null for no limit. */
  calls: Budget | null
  pacing: Pacing
}

/** The models of the runs that this process works on. */
export interface RunModels {
  modelFor: (spec: RunSpec) => Promise<Model>
  /** How the model has accepted a run's calls from here in the last time; undefined if there were none. */
  paceOf: (runId: string, lastMs: number) => PacingFigures | undefined
}

/**
 * Returns the models of runs, each created once. Models are loaded when the first asset needs one,
 * because image decoders and clients load slowly and a new instance must pass its health check first.
 * Units that wait for their turn when the instance starts to stop are not sent to the model.
 */
export function modelForRun(source: Source, shutdown: Pick<Shutdown, 'begun'>): RunModels {
  const models = new WeakMap<RunSpec, Promise<Model>>()
  const turns = new Map<string, Turns>()
  const { begun } = shutdown
  begun.addEventListener('abort', () => {
    for (const { first, calls, pacing } of turns.values()) {
      for (const each of first.values()) each.dismiss(begun.reason)
      pacing.dismiss(begun.reason)
      calls?.dismiss(begun.reason)
    }
  })
  return {
    modelFor(spec) {
      let model = models.get(spec)
      if (!model) {
        model = load(spec, source).then((loaded) => inTurn(loaded, spec, turns, source))
        models.set(spec, model)
      }
      return model
    },
    paceOf: (runId, lastMs) => turns.get(runId)?.pacing.figures(lastMs),
  }
}

/**
 * Limits a model to the units of its run that this instance may process at once. The limits belong to
 * the run, because a retry with other settings has its own spec and model.
 */
function inTurn(
  model: Model,
  spec: RunSpec,
  turns: Map<string, Turns>,
  source: Pick<Source, 'clock' | 'firstCalls'>,
): Model {
  const runTurns = turnsOf(spec, turns, source)
  const { calls, pacing } = runTurns
  const first = firstCallsOf(spec, runTurns, source)
  const turnMs = spec.limits.turn_timeout_ms
  const isGemini = spec.gemini !== null
  return {
    answer(asset, options) {
      const { signal } = options
      // Measuring pixels costs nothing, and no service can refuse it.
      const inPace: InTurn = (call) => (isGemini ? pacing.make(signal, call, slowDownOf) : call())
      const inLimit: InTurn = (call) => (calls === null ? inPace(call) : calls.spend(1, signal, () => inPace(call)))
      const inTurn: InTurn = (call) => (isGemini ? first.make(signal, turnMs, () => inLimit(call)) : inLimit(call))
      return model.answer(asset, { ...options, inTurn })
    },
  }
}

/** Whether a failure is the model's request for a slower rate. */
function slowDownOf(error: unknown): SlowDown | undefined {
  if (!(error instanceof AttemptFailure) || !(error.cause instanceof GeminiRefused)) return undefined
  const { sign } = error.cause
  return 'http' in sign && sign.http === 429 ? { retryAfterMs: error.retryAfterMs } : undefined
}

function turnsOf(spec: RunSpec, turns: Map<string, Turns>, { clock }: Pick<Source, 'clock'>): Turns {
  const { run_id: runId, limits } = spec
  const most = callsPerInstance(limits)
  const known = turns.get(runId)
  if (known) return known
  const created = { first: new Map(), calls: most === null ? null : new Budget(most), pacing: new Pacing(clock) }
  turns.set(runId, created)
  return created
}

function firstCallsOf(
  spec: RunSpec,
  { first }: Turns,
  { clock, firstCalls }: Pick<Source, 'clock' | 'firstCalls'>,
): FirstCalls {
  const question = questionHash(spec, '')
  const known = first.get(question)
  if (known) return known
  const created = new FirstCalls(clock, firstCalls && new FirstInstance(firstCalls, spec, clock))
  first.set(question, created)
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
