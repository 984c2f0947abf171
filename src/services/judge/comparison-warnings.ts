import type { ComparedRun, ComparedUnits } from '@imagery/viewer/contract/comparison'
import type { NamedRows, TruthSummary } from '../../contracts/evaluation.ts'
import type { AnswerColumn } from './columns.ts'
import type { JudgedRun } from './run-rows.ts'
import { listed, notAllowedText, unreadableText } from './truth-text.ts'
import { counted, countText } from '../../contracts/count-text.ts'

interface Compared {
  a: ComparedRun
  b: ComparedRun
  units: ComparedUnits
  truth: TruthSummary | undefined
  judged: readonly JudgedColumns[]
}

/** A column of both answers that the truth has. */
interface JudgedColumns {
  column: { a: AnswerColumn; b: AnswerColumn }
  /** The units for which the truth has a value that the column cannot have. */
  unreadable: NamedRows
  /** For a column with classes, how many units have each true value. */
  truths: ReadonlyMap<string, number>
}

/** Returns what makes a comparison of two runs unequal, a sentence each. */
export function comparisonWarnings(runs: { a: JudgedRun; b: JudgedRun }, compared: Compared): string[] {
  const { a, b, units, truth, judged } = compared
  return [
    ...(a.run_id === b.run_id ? ['Both runs are the same run'] : []),
    ...[a, b].flatMap(({ run_id: run, units: { pending } }) =>
      pending > 0 ? [`Run ${run} is not complete: ${counted(pending, 'asset is', 'assets are')} pending`] : [],
    ),
    ...profileWarnings(runs),
    ...assetWarnings(a, b, units),
    ...truthWarnings(truth),
    ...judged.flatMap(
      ({
        column: {
          a: { name, kind },
        },
        unreadable,
      }) =>
        truth && unreadable.count > 0 ? [unreadableText({ source: truth.source, header: name, kind, unreadable })] : [],
    ),
    ...judged.flatMap((each) => notAllowed(each, { a: a.run_id, b: b.run_id })),
  ]
}

/** Another prompt is what most comparisons are about. Another profile, or other columns, often a mistake. */
function profileWarnings({ a, b }: { a: JudgedRun; b: JudgedRun }): string[] {
  if (!a.spec || !b.spec) return []
  const [nameA, nameB] = [a.spec.profile.name, b.spec.profile.name]
  if (nameA !== nameB)
    return [
      `The runs have different profiles, ${nameA} and ${nameB}: columns with the same name can mean different things`,
    ]
  const differing = a.columns.filter((one) => {
    const other = b.columns.find(({ name }) => name === one.name)
    return other && (other.kind !== one.kind || JSON.stringify(other.allowed) !== JSON.stringify(one.allowed))
  })
  if (differing.length === 0) return []
  return [`The runs allow different values of ${differing.map(({ name }) => name).join(', ')}`]
}

/** True values that one of the profiles does not allow make its run look worse. */
function notAllowed({ column: { a, b }, truths }: JudgedColumns, runs: { a: string; b: string }): string[] {
  if (JSON.stringify(a.allowed) === JSON.stringify(b.allowed)) return notAllowedText(a, truths)
  const of = (column: AnswerColumn, run: string): string[] =>
    notAllowedText(column, truths, { profile: `the profile of run ${run}`, answer: 'no answer of this run' })
  return [...of(a, runs.a), ...of(b, runs.b)]
}

function assetWarnings(a: ComparedRun, b: ComparedRun, units: ComparedUnits): string[] {
  const { in_both: both, only_in_a: onlyA, only_in_b: onlyB, examples } = units
  if (onlyA + onlyB === 0) return []
  if (both === 0) return ['The runs have no asset in common, so nothing is compared']
  const missing = [
    ...(onlyA > 0
      ? [`${countText(onlyA)} only in ${a.run_id} (${examples.only_in_a.join(', ')}${onlyA > 5 ? ', …' : ''})`]
      : []),
    ...(onlyB > 0
      ? [`${countText(onlyB)} only in ${b.run_id} (${examples.only_in_b.join(', ')}${onlyB > 5 ? ', …' : ''})`]
      : []),
  ]
  return [
    `The runs look at different assets: ${countText(both)} in both, ${missing.join(', ')}. Runs with the same --sample N --seed TEXT look at the same assets`,
  ]
}

function truthWarnings(truth: TruthSummary | undefined): string[] {
  if (!truth) return []
  const { source, unmatched, without_id: withoutId, contradictory } = truth
  return [
    ...(withoutId.count > 0 ? [`Rows of ${source} without an ID: ${listed(withoutId)}`] : []),
    ...(unmatched.count > 0
      ? [
          `Rows of ${source} that name no asset of both runs: ${countText(unmatched.count)}, such as ${unmatched.examples.join(', ')}`,
        ]
      : []),
    ...(contradictory.count > 0
      ? [
          `Assets of ${source} whose rows contradict each other, so that they do not count: ${contradictory.examples.join(', ')}`,
        ]
      : []),
  ]
}
