/** What a step reports while it runs and when it is done. */
export interface StepReporter {
  /** Shows a short text next to the step's title: its current work and progress. Can be called often. */
  detail(text: string): void
}

/** The outcome of a step that did not fail: a few words for its line, or that there was nothing to do. */
export type StepOutcome = { done?: string } | { skipped: string }

/**
 * One step of a command that takes time. Services create lists of steps; the UI shows them. A step does
 * not depend on a terminal.
 */
export interface Step<Context> {
  title: string
  run(context: Context, reporter: StepReporter): Promise<StepOutcome | void>
}
