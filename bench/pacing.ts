/**
 * The calls to a model whose hidden limit moves from 100 to 30 to 200 a second, relative to what the limit allows: `node
 * bench/pacing.ts [--seeds N] [--real] [--phase SECONDS] [--scale SHARE]`. Without `--real`, the runtime's pacing in virtual
 * time (`pacing/simulate.ts`), which takes seconds. With it, also one run through the local cloud, whose scripted model has
 * the same limit, times SHARE; run `npm run build` first.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { RunReport } from '../src/contracts/run-report.ts'
import { adminCall } from '../src/services/local/cloud.ts'
import { DEFAULT_CONCURRENCY } from '../src/services/options/run-options.ts'
import { startLocalImagery } from './local-imagery.ts'
import { refusedSettled, SETTLING_SECONDS, simulatePacing, slowestShare, type Simulated } from './pacing/simulate.ts'
import { median, printTable } from './table.ts'

const LIMITS = [100, 30, 200]
const LATENCY_MS = 500

/** The tasks at once of a run by default. */
const TASKS = 2 * DEFAULT_CONCURRENCY

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    real: { type: 'boolean', default: false },
    phase: { type: 'string', default: '60' },
    scale: { type: 'string', default: '1' },
  },
})
const phaseSeconds = Number(values.phase)

await simulated()
if (values.real) await real(LIMITS.map((limit) => limit * Number(values.scale)))

async function simulated(): Promise<void> {
  const phases = LIMITS.map((perSecond) => ({ perSecond, seconds: phaseSeconds }))
  const shapes = [
    { name: '1 instance, 0.5 s', latencyMs: LATENCY_MS, calls: 200, tasks: 200 },
    { name: '2 instances, 0.5 s', latencyMs: LATENCY_MS, calls: 200, tasks: 400 },
    { name: '4 instances, 1 s', latencyMs: 1_000, calls: 400, tasks: 800 },
  ]
  const rows = []
  for (const { name, latencyMs, calls, tasks } of shapes) {
    const results: Simulated[] = []
    for (let seed = 1; seed <= Number(values.seeds); seed++)
      results.push(await simulatePacing({ phases, latencyMs }, { seed, calls, tasks, startsEverySeconds: 2 }))
    const throughputs = results.map(({ throughput }) => throughput)
    const refused = results.map(refusedSettled)
    rows.push({
      run: name,
      'of ideal, median': median(throughputs),
      'of ideal, worst': Math.min(...throughputs),
      'refused % once settled, median': 100 * median(refused),
      'refused % once settled, worst': 100 * Math.max(...refused),
      'slowest instance, of an even share': median(results.map(slowestShare)),
      'refused % in all': 100 * median(results.map((one) => one.refused / one.calls)),
    })
  }
  printTable(`virtual time, ${values.seeds} seeds, ${phaseSeconds} s each (goals: 0.85 and 5 %)`, rows)
}

/** One run with as many assets as the limit allows within the phases. */
async function real(limits: readonly number[]): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'imagery-pacing-'))
  const script = path.join(folder, 'model.yaml')
  const steps = limits.map((limit, index) => `{after_s: ${index * phaseSeconds}, per_second: ${limit}}`)
  writeFileSync(script, `latency_ms: ${LATENCY_MS}\nrate: [${steps.join(', ')}]\n`)
  const assets = Math.round(limits.reduce((sum, limit) => sum + limit * phaseSeconds, 0))
  const table = path.join(folder, 'assets.jsonl')
  const lines = Array.from({ length: assets }, (_, index) =>
    JSON.stringify({ asset_id: `asset-${index}`, observation_id: `o-${index}`, gcs_uri: `gs://street/${index}.jpg` }),
  )
  writeFileSync(table, `${lines.join('\n')}\n`)
  const { imagery, locator, stop } = await startLocalImagery(['--gemini', `script:${script}`])
  const seen: { atMs: number; ok: number; refused: number }[] = []
  try {
    const run = imagery('run', '--table', table, '--profile', 'road-signs', '--yes')
    let isOver = false
    void run.then(
      () => (isOver = true),
      () => (isOver = true),
    )
    for (; !isOver; await pause(1_000)) seen.push({ atMs: performance.now(), ...(await outcomes(locator)) })
    const { units } = (await run).result as RunReport
    if (units.ok !== assets) throw new Error(`${units.ok} of ${assets} assets are ok`)
  } finally {
    await stop()
    rmSync(folder, { recursive: true })
  }
  // The limit begins with the first call, which is the probe's, and the work with the next ones.
  const first = seen.find(({ ok, refused }) => ok + refused > 0)
  const begun = seen.find(({ ok, refused }) => ok + refused > 1)
  // Then the queue has no other task, and each instance works on those that it has got.
  const dry = seen.find(({ ok }) => ok >= assets - TASKS)
  const last = seen.find(({ ok }) => ok >= assets) ?? seen.at(-1)
  if (!first || !begun || !dry || !last) throw new Error('no call was seen')
  const seconds = (dry.atMs - first.atMs) / 1_000
  const begunSeconds = (begun.atMs - first.atMs) / 1_000
  const at = (second: number) =>
    seen.findLast(({ atMs }) => atMs <= first.atMs + Math.min(second, seconds) * 1_000) ?? first
  const rows = limits.map((limit, index) => {
    const begin = Math.max(begunSeconds, index * phaseSeconds)
    const end = index === limits.length - 1 ? seconds : Math.min(seconds, (index + 1) * phaseSeconds)
    const [from, settled, to] = [at(begin), at(begin + SETTLING_SECONDS), at(end)]
    const calls = to.ok + to.refused - settled.ok - settled.refused
    return {
      'limit per second': limit,
      seconds: Math.max(0, end - begin),
      'answers per second': end > begin ? (to.ok - from.ok) / (end - begin) : 0,
      'refused % once settled': calls === 0 ? 0 : (100 * (to.refused - settled.refused)) / calls,
    }
  })
  printTable(`one run of ${assets.toLocaleString('en')} assets through the local cloud`, rows)
  const ideal = rows.reduce((sum, row) => sum + row.seconds * row['limit per second'], 0)
  console.log(`\n  of ideal: ${(dry.ok / ideal).toFixed(2)}   (${(seconds - begunSeconds).toFixed(0)} s)`)
  console.log(`  the last ${assets - dry.ok} assets: ${((last.atMs - dry.atMs) / 1_000).toFixed(0)} s`)
  console.log(`  refused in all: ${((100 * last.refused) / (last.ok + last.refused)).toFixed(1)} %`)
}

async function outcomes(locator: Parameters<typeof adminCall>[0]): Promise<{ ok: number; refused: number }> {
  const { body } = await adminCall(locator, 'GET', '/_imagery/state')
  const counted = (body as { gemini?: { outcomes: Record<string, number> } }).gemini?.outcomes ?? {}
  return { ok: counted['ok'] ?? 0, refused: counted['RESOURCE_EXHAUSTED'] ?? 0 }
}
