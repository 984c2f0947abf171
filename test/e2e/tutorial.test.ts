import { cp, mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { stopWarmCloud } from '../cli/warm-clouds.ts'
import { newUser, ROOT, type ImageryUser, type Outcome } from '../cli/imagery-process.ts'

/** The commands of docs/tutorial.md in their order, without those that open a browser. */
async function commandsOfTutorial(): Promise<string[][]> {
  const page = await readFile(path.join(ROOT, 'docs', 'tutorial.md'), 'utf8')
  const blocks = [...page.matchAll(/^```sh\n(.*?)\n```$/gms)].map(([, command = '']) => command)
  const words = (command: string): string[] =>
    [...command.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain!)
  return blocks.map(words).map(([npx, imagery, ...args]) => {
    expect([npx, imagery]).toEqual(['npx', 'imagery'])
    return args
  })
}

/** The outputs that the tutorial shows: its blocks without a language. */
async function outputsOfTutorial(): Promise<string[]> {
  const page = await readFile(path.join(ROOT, 'docs', 'tutorial.md'), 'utf8')
  const shown = [...page.matchAll(/^```(\w*)\n(.*?)\n```$/gms)].flatMap(([, language, text = '']) =>
    language === '' ? [text] : [],
  )
  return shown.filter((text) => text.startsWith('column '))
}

let user: ImageryUser

beforeAll(async () => {
  user = await newUser({ isWarm: true })
  const samples = path.join(user.folder, 'samples', 'street-signs')
  await mkdir(path.dirname(samples))
  await cp(path.join(ROOT, 'samples', 'street-signs'), samples, { recursive: true })
})

afterAll(() => user.leave())

/** A local cloud that runs already has to answer as the command says. */
async function withStandIn(args: readonly string[]): Promise<void> {
  const at = args.indexOf('--gemini')
  if (at < 0) return
  const file = path.join(user.folder, args[at + 1]!.replace('replay:', ''))
  await stopWarmCloud(user.dataDirectory)
  await user.startLocalCloud({ gemini: `replay:${file}` })
}

test('the tutorial does what it says', { timeout: 240_000 }, async () => {
  const runs: Record<string, string> = {}
  const printed: string[] = []
  const named = (args: readonly string[]): string[] => args.map((word) => runs[word] ?? word)
  const run = async (args: readonly string[], exitCode = 0): Promise<Outcome> => {
    const outcome = await user.run(named(args))
    expect({ args, exitCode: outcome.exitCode, stderr: outcome.stderr }).toEqual({
      args,
      exitCode,
      stderr: outcome.stderr,
    })
    printed.push(outcome.stdout)
    return outcome
  }
  const seen = new Set<string>()
  for (const args of await commandsOfTutorial()) {
    const [command = ''] = args
    seen.add(command)
    if (command === 'view') continue
    await withStandIn(args)
    const { stdout } = await run(args)
    if (command === 'results') expect(stdout).toMatch(/ {2}capture_time\n/)
    if (command !== 'run') continue
    expect(stdout).toContain('23: 23 ok')
    expect(stdout).toContain('nothing is billed')
    runs[runs['RUN_A'] === undefined ? 'RUN_A' : 'RUN_B'] = /^Run (\S+) {2}complete$/m.exec(stdout)![1]!
    if (runs['RUN_B'] !== undefined) continue

    // Beside the tutorial: the kept column has its type, and no model is named that has answered nothing.
    const { rows } = (await run(['results', 'RUN_A', '--local', '--json'])).json() as { rows: object[] }
    expect(rows[0]).toMatchObject({
      capture_time: '2026-07-02T14:12:31.551020Z',
      category: 'Yield',
      model_version: 'made-for-the-sample',
    })
    // The check of a pipeline, and a truth that is not there.
    const judged = ['eval', 'RUN_A', '--local', '--json', '--truth']
    const truth = 'samples/street-signs/truth.csv'
    const below = (await run([...judged, truth, '--min-accuracy', 'category=0.8'], 3)).json()
    expect(below).toMatchObject({
      run_id: runs['RUN_A'],
      units: { total: 23, judged: 23 },
      columns: [
        { column: 'category', right: 17, judged: 23 },
        { column: 'sign_quality', right: 17, judged: 23 },
      ],
      below_minimum: [{ column: 'category', accuracy: 17 / 23, minimum: 0.8 }],
    })
    expect((await run([...judged, 'nothing.csv'], 1)).error()).toMatchObject({ code: 'FILE_NOT_FOUND' })
    expect((await run([...judged, 'reviews'], 1)).error()).toMatchObject({ code: 'SOURCE_NOT_FOUND' })
  }
  expect([...seen]).toEqual(['run', 'results', 'view', 'eval', 'compare', 'teardown'])
  const outputs = await outputsOfTutorial()
  expect(outputs).toHaveLength(2)
  for (const output of outputs) expect(printed.some((text) => text.includes(output))).toBe(true)
})
