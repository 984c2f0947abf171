import { styleText } from 'node:util'
import { plainLine } from './plain-text.ts'

const MARKS = {
  as_expected: styleText('green', '✔'),
  different: styleText('red', '✖'),
  not_observed: styleText('dim', '?'),
} as const

/** Formats what a self-test observed, its problems, and where its report is. */
export function formatSelfTest(
  report: {
    ok: boolean
    behaviors: readonly { title: string; outcome: keyof typeof MARKS; detail: string }[]
    problems: readonly string[]
  },
  file: string,
): string {
  const { ok, behaviors, problems } = report
  return [
    '',
    ...behaviors.map(({ title, outcome, detail }) => `${MARKS[outcome]} ${plainLine(title)}: ${plainLine(detail)}`),
    '',
    ...problems.map((problem) => `${styleText('red', '✖')} ${plainLine(problem)}`),
    ok ? 'The self-test passed, and nothing is left behind.' : 'The self-test found problems.',
    `Report  ${plainLine(file)}`,
  ].join('\n')
}
