import { allEnded } from './all-ended.ts'

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

/** A step in a pipeline. What it adds becomes part of the input of the steps after it. */
export interface PipelineStep<Input, Added extends object> {
  title: string
  run(input: Input, reporter: StepReporter): Promise<StepOutcome & { adds: Added }>
}

/**
 * Returns two steps as one that runs both at the same time, and ends when both have ended. If both fail, it rejects with the
 * error of the first.
 */
export function together<One, AddedByOne extends object, Other, AddedByOther extends object>(
  title: string,
  one: PipelineStep<One, AddedByOne>,
  other: PipelineStep<Other, AddedByOther>,
): PipelineStep<One & Other, AddedByOne & AddedByOther> {
  return {
    title,
    async run(input, reporter) {
      const [first, second] = await allEnded([one.run(input, reporter), other.run(input, reporter)])
      const done = [first, second].flatMap((outcome) => ('done' in outcome ? [outcome.done] : []))
      return { done: done.join(', '), adds: { ...first.adds, ...second.adds } }
    },
  }
}

/**
 * Steps that build on each other: each gets the start and everything that the steps before it added, so
 * the compiler rejects a step whose input does not exist yet. Nothing runs before the UI runs `steps`, in
 * order.
 */
export interface Pipeline<State extends object> {
  readonly steps: readonly Step<unknown>[]
  /** Returns the start with everything that the steps added. Call it after the last step. */
  result(): State
  step<Added extends object>(step: PipelineStep<State, Added>): Pipeline<State & Added>
  /** The same if `condition` is true. Otherwise the pipeline does not have the step. */
  stepIf<Added extends object>(condition: boolean, step: PipelineStep<State, Added>): Pipeline<State & Partial<Added>>
}

/** Returns a pipeline without steps. The first step that is added gets `start`. */
export function pipeline<State extends object>(start: State): Pipeline<State> {
  return extended([], () => start)
}

function extended<State extends object>(steps: readonly Step<unknown>[], result: () => State): Pipeline<State> {
  const step = <Added extends object>(next: PipelineStep<State, Added>): Pipeline<State & Added> => {
    let after: (State & Added) | undefined
    const shown: Step<unknown> = {
      title: next.title,
      async run(_, reporter) {
        const before = result()
        const { adds, ...outcome } = await next.run(before, reporter)
        after = { ...before, ...adds }
        return outcome
      },
    }
    return extended([...steps, shown], () => {
      if (after === undefined) throw new Error(`the step "${next.title}" has not ended`)
      return after
    })
  }
  const withoutStep = <Added extends object>(): Pipeline<State & Partial<Added>> => {
    const nothing: Partial<Added> = {}
    return extended(steps, () => ({ ...result(), ...nothing }))
  }
  return {
    steps,
    result,
    step,
    stepIf: <Added extends object>(condition: boolean, next: PipelineStep<State, Added>) =>
      condition ? step(next) : withoutStep<Added>(),
  }
}
