import { describe, expect, test } from 'vitest'
import { findProfile } from '../../../src/profiles/built-in-profiles.ts'
import { chooseModel } from '../../../src/services/options/model-choice.ts'
import { runLimits } from '../../../src/services/options/run-options.ts'
import { spendQuestion } from '../../../src/services/run/spend-question.ts'
import {
  billedBy,
  expectedSpending,
  mustAsk,
  roomyCap,
  spendsMoney,
  type Spender,
} from '../../../src/services/run/spending.ts'

function spender({
  kind = 'google' as 'google' | 'local',
  answering = undefined as string | undefined,
  profile = 'road-signs',
  endpoint = undefined as string | undefined,
}): Spender {
  const asked = findProfile(profile)
  const { gemini } = chooseModel(asked, { geminiEndpoint: endpoint })
  const options = { table: 't', profile, wait: true }
  return { profile: asked, gemini, limits: runLimits(options, gemini), target: { kind }, answering }
}

const SIZE = { units: 20_000, images: 40_000, snapshotBytes: 5e6 }

describe('who bills the answers of a run', () => {
  test.each([
    [{}, 'Vertex AI', true],
    [{ kind: 'local', answering: 'forward' }, 'Vertex AI', true],
    [{ kind: 'local', answering: 'script:model.yaml' }, undefined, false],
    [{ kind: 'local', answering: 'replay:answers.jsonl' }, undefined, false],
    [
      { kind: 'local', answering: 'script:model.yaml', endpoint: 'http://proxy.example/' },
      'http://proxy.example/',
      true,
    ],
    [{ kind: 'local', profile: 'resolution' }, undefined, false],
    // Cloud Run still bills the measurements.
    [{ profile: 'resolution' }, undefined, true],
  ] as const)('%j: %s', (given, by, spends) => {
    expect(billedBy(spender(given))).toBe(by)
    expect(spendsMoney(spender(given))).toBe(spends)
  })
})

test('a run on Google Cloud costs its tokens and the other services, and one on this machine only its tokens', () => {
  const google = expectedSpending(spender({}), SIZE)
  expect(google.servicesUsd).toBeGreaterThan(0)
  expect(google.usd).toBeCloseTo(google.model!.usd + google.servicesUsd, 9)
  const local = expectedSpending(spender({ kind: 'local', answering: 'forward' }), SIZE)
  expect(local).toMatchObject({ servicesUsd: 0, usd: google.model!.usd })
  expect(expectedSpending(spender({ kind: 'local', answering: 'script:m' }), SIZE).usd).toBe(0)
})

test.each([
  [{}, 1.01, true],
  [{}, 1, false],
  [{ askAbove: 25 }, 24, false],
  [{ askAbove: 0 }, 0.001, true],
  [{ yes: true }, 1_000, false],
  [{ maxCost: 5 }, 1_000, false],
  // What costs nothing is never asked about.
  [{ askAbove: 0 }, 0, false],
])('with %j, a run that costs $%d asks: %s', (consent, usd, asks) => {
  expect(mustAsk(consent, { usd })).toBe(asks)
})

test('the question says what is billed, by what service and for how many assets, and the suggestions leave room above the estimate', () => {
  const spending = expectedSpending(spender({}), SIZE)
  const { question, suggestions } = spendQuestion({ options: { table: 't', profile: 'p', wait: true } }, spending)!
  expect(question).toMatch(
    /^The run will cost about \$\d+\.\d\d for 20,000 assets with 40,000 images \(\$\d+\.\d\d for gemini-\S+, billed by Vertex AI; \$0\.\d+ for Google's services\)\.$/,
  )
  const [, cap] = /--max-cost (\S+)$/.exec(suggestions[0]!)!
  expect(Number(cap)).toBeGreaterThan(spending.model!.usd * 1.25)
  expect(suggestions[1]).toBe('Run the same command with --yes')
  const measured = spendQuestion(
    { options: { table: 't', profile: 'p', wait: true, askAbove: 0 } },
    expectedSpending(spender({ profile: 'resolution' }), SIZE),
  )!
  // The cap counts only Gemini, which this run does not call.
  expect(measured.suggestions[0]).toBe('Run the same command with --yes')
})

test.each([
  [12.31, 16],
  [0.0075, 0.0094],
  [1, 1.3],
  [980, 1_225],
])('the cap suggested for $%d is $%d, without more digits than anyone would type', (usd, cap) => {
  expect(roomyCap(usd)).toBeCloseTo(cap, 9)
})
