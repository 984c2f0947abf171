import type { GenerationRequest } from './generation-request.ts'
import type { UsageMetadata } from './tokens.ts'

/** The calls to a model about one set of images. */
export interface UnitAccount {
  model: string
  /** Sorted, each once. */
  images: readonly string[]
  calls: number
  /** Calls whose answer had usage metadata: those cost money. */
  billedCalls: number
  promptTokens: number
  answerTokens: number
  thoughtTokens: number
  /** How the calls ended: `ok`, `RESOURCE_EXHAUSTED`, … */
  outcomes: Record<string, number>
  /** By traffic type, e.g. `ON_DEMAND_FLEX`. */
  tiers: Record<string, number>
  /** By media resolution of the request, e.g. `LOW`. */
  mediaResolutions: Record<string, number>
  /** Calls with inline images, and with images in Cloud Storage. */
  transports: Record<string, number>
}

/** All units together. */
export interface CallSummary {
  units: number
  calls: number
  billedCalls: number
  /** Calls that did not pass the check; they belong to no unit. */
  refusedCalls: number
  /** The most calls in progress at one moment. */
  mostAtOnce: number
  maxCallsPerUnit: number
  maxBilledCallsPerUnit: number
  promptTokens: number
  answerTokens: number
  thoughtTokens: number
  outcomes: Record<string, number>
  tiers: Record<string, number>
  mediaResolutions: Record<string, number>
  transports: Record<string, number>
}

/** Counts every call per unit since the start, so that tests can assert that nothing was wasted. */
export class CallAccount {
  readonly #units = new Map<string, UnitAccount>()
  readonly #totals = { refusedCalls: 0, mostAtOnce: 0 }
  #inProgress = 0

  /** Calls without a response yet. */
  get inProgress(): number {
    return this.#inProgress
  }

  /** Names the unit and counts the call. */
  begin(request: GenerationRequest): { unit: string; nth: number } {
    const images = [...new Set(request.images.map(({ uri }) => uri))].toSorted()
    const unit = [request.model.id, ...images].join('\n')
    let account = this.#units.get(unit)
    if (!account) this.#units.set(unit, (account = newAccount(request.model.id, images)))
    account.calls += 1
    this.#inProgress += 1
    this.#totals.mostAtOnce = Math.max(this.#totals.mostAtOnce, this.#inProgress)
    add(account.tiers, request.trafficType)
    add(account.mediaResolutions, request.mediaResolution)
    const transports = new Set(request.images.map(({ bytes }) => (bytes ? 'inline' : 'gcs')))
    for (const transport of transports) add(account.transports, transport)
    return { unit, nth: account.calls }
  }

  /** @param usage undefined when the call is not billed */
  end(unit: string, outcome: string, usage: UsageMetadata | undefined): void {
    this.#inProgress -= 1
    const account = this.#units.get(unit)
    if (!account) return
    add(account.outcomes, outcome)
    if (!usage) return
    account.billedCalls += 1
    account.promptTokens += usage.promptTokenCount ?? 0
    account.answerTokens += usage.candidatesTokenCount ?? 0
    account.thoughtTokens += usage.thoughtsTokenCount ?? 0
  }

  /** Counts a call that did not pass the check. */
  refuse(): void {
    this.#totals.refusedCalls += 1
  }

  summary(): CallSummary {
    return summarize(this.units(), this.#totals)
  }

  units(): readonly UnitAccount[] {
    return [...this.#units.values()]
  }
}

function newAccount(model: string, images: readonly string[]): UnitAccount {
  return {
    model,
    images,
    calls: 0,
    billedCalls: 0,
    promptTokens: 0,
    answerTokens: 0,
    thoughtTokens: 0,
    outcomes: {},
    tiers: {},
    mediaResolutions: {},
    transports: {},
  }
}

function summarize(
  units: readonly UnitAccount[],
  totals: Pick<CallSummary, 'refusedCalls' | 'mostAtOnce'>,
): CallSummary {
  const summary: CallSummary = {
    units: units.length,
    calls: 0,
    billedCalls: 0,
    ...totals,
    maxCallsPerUnit: 0,
    maxBilledCallsPerUnit: 0,
    promptTokens: 0,
    answerTokens: 0,
    thoughtTokens: 0,
    outcomes: {},
    tiers: {},
    mediaResolutions: {},
    transports: {},
  }
  for (const unit of units) {
    for (const total of ['calls', 'billedCalls', 'promptTokens', 'answerTokens', 'thoughtTokens'] as const)
      summary[total] += unit[total]
    summary.maxCallsPerUnit = Math.max(summary.maxCallsPerUnit, unit.calls)
    summary.maxBilledCallsPerUnit = Math.max(summary.maxBilledCallsPerUnit, unit.billedCalls)
    for (const tally of ['outcomes', 'tiers', 'mediaResolutions', 'transports'] as const) {
      for (const [name, count] of Object.entries(unit[tally])) add(summary[tally], name, count)
    }
  }
  return summary
}

function add(tally: Record<string, number>, name: string, count = 1): void {
  tally[name] = (tally[name] ?? 0) + count
}
