/** What a step tells while it runs and when it is done. */
export interface StepReporter {
  /** A short text beside the step's title: what it is doing, how far it is. May be called often. */
  detail(text: string): void
}

/** What became of a step, beside failing: a few words for its line, or that there was nothing to do. */
export type StepOutcome = { done?: string } | { skipped: string }

/**
 * One step of a command that takes time. Services make lists of these; the UI draws them. A step
 * knows nothing of terminals.
 */
export interface Step<Context> {
  title: string
  run(context: Context, reporter: StepReporter): Promise<StepOutcome | void>
}
