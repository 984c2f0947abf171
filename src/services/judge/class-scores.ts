import type { ClassScores, Macro } from '../../contracts/evaluation.ts'

/**
 * Returns precision, recall and F1 of each class of the truth or the answers, in the order given.
 *
 * - precision: of the units that got this answer, the share for which it is true; null if no unit got it
 * - recall: of the units for which it is true, the share that got this answer; null if it is true for no unit
 * - F1: their harmonic mean, 2 × right / (truth + answered)
 *
 * @param pairs how many units have each pair; an answer of null is none, or a failure
 */
export function classScores(
  classes: readonly string[],
  pairs: Iterable<{ truth: string; answer: string | null; count: number }>,
): ClassScores[] {
  const scores = new Map(classes.map((name) => [name, { truth: 0, answered: 0, right: 0 }]))
  for (const { truth, answer, count } of pairs) {
    scores.get(truth)!.truth += count
    if (answer === null) continue
    scores.get(answer)!.answered += count
    if (answer === truth) scores.get(answer)!.right += count
  }
  return [...scores].map(([value, { truth, answered, right }]) => ({
    value,
    truth,
    answered,
    right,
    precision: answered === 0 ? null : right / answered,
    recall: truth === 0 ? null : right / truth,
    f1: truth + answered === 0 ? null : (2 * right) / (truth + answered),
  }))
}

/**
 * The unweighted means over the classes that the truth or the answers have. A precision or recall that is not defined counts
 * as 0, as in scikit-learn (https://scikit-learn.org/stable/modules/generated/sklearn.metrics.precision_recall_fscore_support.html).
 */
export function macroScores(scores: readonly ClassScores[]): Macro | null {
  const seen = scores.filter(({ truth, answered }) => truth + answered > 0)
  if (seen.length === 0) return null
  const mean = (of: (score: ClassScores) => number | null): number =>
    seen.reduce((sum, score) => sum + (of(score) ?? 0), 0) / seen.length
  return { precision: mean((each) => each.precision), recall: mean((each) => each.recall), f1: mean((each) => each.f1) }
}
