import { describe, expect, test } from 'vitest'
import { cloudFlags, suggestedCommand, suggestedCommands } from '../../src/contracts/suggested-command.ts'

describe('the flags that select a cloud', () => {
  test.each([
    [{}, ''],
    [{ local: true }, ' --local'],
    [{ local: true, dataDir: "it's here", name: 'a' }, String.raw` --local --data-dir 'it'\''s here' --name a`],
    [{ local: true, gemini: 'script:/a model.yaml' }, " --local --gemini 'script:/a model.yaml'"],
    [{ local: true, dataDir: '-odd' }, ' --local --data-dir=-odd'],
    [{ project: 'p', region: 'r', name: '' }, " --project p --region r --name ''"],
  ])('of %j are%s', (words, flags) => {
    expect(cloudFlags(words)).toBe(flags)
  })
})

describe('a suggested command', () => {
  const folder = String.raw` --local --data-dir 'it'\''s here' --name a`
  test.each([
    ['resume 261123-9f3c1a7b', ' --local', 'imagery resume 261123-9f3c1a7b --local'],
    ['runs', folder, `imagery runs${folder}`],
    // The commands of the local cloud need no project and no deployment.
    ['local stop', folder, String.raw`imagery local stop --data-dir 'it'\''s here'`],
    ['local exec -- npm test --local', ' --local --data-dir x', 'imagery local exec --data-dir x -- npm test --local'],
    ['local start --detach', ' --project p --region r', 'imagery local start --detach'],
    ['deploy --name NAME', ' --project p --name old', 'imagery deploy --name NAME --project p'],
    ['run --local', ' --project p', 'imagery run --local'],
    ['run --project p', ' --local --data-dir x', 'imagery run --project p'],
    ['run --local', ' --local --data-dir x', 'imagery run --local --data-dir x'],
    ["run --profile 'a, b (c'", ' --local', "imagery run --profile 'a, b (c' --local"],
    ['run --output results.poles …', ' --local', 'imagery run --output results.poles --local …'],
    // Gemini's stand-in is named only in commands that continue work or start the local cloud.
    ['resume 1   (then wait)', ' --local --gemini forward', 'imagery resume 1 --local --gemini forward   (then wait)'],
    ['status 1 --watch', ' --local --gemini forward', 'imagery status 1 --watch --local --gemini forward'],
    ['local start', " --local --gemini 'replay:/a b'", "imagery local start --gemini 'replay:/a b'"],
    ['run --local --gemini forward', ' --local --gemini replay:/a', 'imagery run --local --gemini forward'],
    ['teardown 1', ' --local --gemini forward', 'imagery teardown 1 --local'],
    ['profiles list', folder, 'imagery profiles list'],
    ['config set project PROJECT', ' --project p', 'imagery config set project PROJECT'],
    ['runs --help', ' --local', 'imagery runs --help'],
  ])('%s%s is %s', (command, flags, expected) => {
    expect(suggestedCommand(command, flags)).toBe(expected)
    expect(suggestedCommands(expected, flags)).toBe(expected)
  })
})

describe('commands in a text', () => {
  test.each([
    ['imagery local reset   (deletes everything)', 'imagery local reset --data-dir x   (deletes everything)'],
    ['Drop the table, then: imagery status 1', 'Drop the table, then: imagery status 1 --local --data-dir x'],
    [
      'imagery deploy --ingress all, then try again',
      'imagery deploy --ingress all --local --data-dir x, then try again',
    ],
    [
      'imagery results 1 --format jsonl   (then imagery retry 1 --model m, which may do better)',
      'imagery results 1 --format jsonl --local --data-dir x   (then imagery retry 1 --model m --local --data-dir x, which may do better)',
    ],
    [
      'imagery doctor   (then imagery retry 1 --only schema)',
      'imagery doctor --local --data-dir x   (then imagery retry 1 --only schema --local --data-dir x)',
    ],
    [
      'imagery deploy, then imagery resume 1',
      'imagery deploy --local --data-dir x, then imagery resume 1 --local --data-dir x',
    ],
    ['Wait, then imagery runs', 'Wait, then imagery runs --local --data-dir x'],
    [
      'first\n  imagery runs\n  imagery doctor',
      'first\n  imagery runs --local --data-dir x\n  imagery doctor --local --data-dir x',
    ],
    ['imagery deploys nothing', 'imagery deploys nothing'],
    ['which an imagery run has made', 'which an imagery run has made'],
    ['gcloud auth application-default login', 'gcloud auth application-default login'],
  ])('%s', (text, expected) => {
    expect(suggestedCommands(text, ' --local --data-dir x')).toBe(expected)
  })
})
