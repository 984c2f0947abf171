/**
 * Measures the time that imagery adds to the model's own: `node bench/overhead.ts [--assets N]
 * [--concurrency N] [--latency MS] [--runs N]`. A scripted Gemini answers every call after `latency`;
 * ideal is assets / concurrency times that. Run `npm run build` first.
 *
 * A run asks about one asset before all others, so the second ideal has one call more: no run can reach the first.
 *
 * Prints two wall times: of the work itself, from the first call that Gemini got to the last row, and of
 * the whole command, which also loads the table, deploys and writes the results. The first run starts
 * the services too. If the kernel provides it, also prints the CPU time of other programs, because the
 * local cloud, the services and the command need most of two CPUs.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { RunReport } from '../src/contracts/run-report.ts'
import { queryRows } from '../src/google/bigquery/bigquery.ts'
import { useLocalCloud } from '../src/google/transport/environment.ts'
import { findLocalCloud, type LocalCloudStatus } from '../src/services/local/cloud.ts'
import {
  canMeasureProcesses,
  endedChildrenSeconds,
  findChildren,
  machineSeconds,
  processorSeconds,
} from './processes.ts'

const IMAGERY = fileURLToPath(new URL('../bin/run.js', import.meta.url))

const { values } = parseArgs({
  options: {
    assets: { type: 'string', default: '2000' },
    concurrency: { type: 'string', default: '200' },
    latency: { type: 'string', default: '500' },
    runs: { type: 'string', default: '3' },
  },
})
const [assets, concurrency, latencyMs, runs] = [values.assets, values.concurrency, values.latency, values.runs].map(
  Number,
) as [number, number, number, number]
const idealS = Math.ceil(assets / concurrency) * (latencyMs / 1_000)
const idealWithProbeS = (1 + Math.ceil((assets - 1) / concurrency)) * (latencyMs / 1_000)

const folder = mkdtempSync(path.join(tmpdir(), 'imagery-overhead-'))
const dataDirectory = path.join(folder, 'cloud')

try {
  await bench()
} finally {
  await imagery('local', 'stop')
  rmSync(folder, { recursive: true, force: true })
}

async function bench(): Promise<void> {
  const script = path.join(folder, 'model.yaml')
  writeFileSync(script, `latency_ms: ${latencyMs}\n`)
  const table = path.join(folder, 'assets.jsonl')
  const rows = Array.from({ length: assets }, (_, index) => {
    return JSON.stringify({
      asset_id: `asset-${index}`,
      observation_id: `o-${index}`,
      gcs_uri: `gs://street-images/${index}.jpg`,
    })
  })
  writeFileSync(table, `${rows.join('\n')}\n`)
  await imagery('local', 'start', '--detach', '--gemini', `script:${script}`)
  const locator = await findLocalCloud(dataDirectory)
  if (!locator) throw new Error('the local cloud is not running')
  useLocalCloud(locator)
  await imagery('deploy', '--local')

  print('ideal s', idealS)
  print('ideal s, with the probe', idealWithProbeS)
  for (let index = 1; index <= runs; index++) {
    const startedMs = performance.now()
    const before = processorUse(locator.pid)
    const flags = ['--table', table, '--profile', 'road-signs', '--concurrency', String(concurrency)]
    const report = (await imagery('run', '--local', ...flags)) as RunReport
    const commandS = (performance.now() - startedMs) / 1_000
    const after = processorUse(locator.pid)
    if (report.units.ok !== assets) throw new Error(`${report.units.ok} of ${assets} assets are ok`)
    const workS = await workSeconds(report.attempts_table)
    print(`run ${index}: work s`, workS)
    print(`run ${index}: work over ideal`, workS / idealS)
    print(`run ${index}: work over ideal with the probe`, workS / idealWithProbeS)
    print(`run ${index}: command s`, commandS)
    print(`run ${index}: command over ideal`, commandS / idealS)
    print(`run ${index}: command over ideal with the probe`, commandS / idealWithProbeS)
    if (before && after) {
      const own = after.own - before.own
      print(`run ${index}: CPU s`, own)
      // What the wall time would be at least if this program had all CPUs for itself.
      print(`run ${index}: CPU s over the CPUs, over ideal`, own / availableParallelism() / idealS)
      const others = (after.machine - before.machine - own) / commandS
      print(`run ${index}: CPUs busy with other programs, of ${availableParallelism()}`, Math.max(0, others))
    }
    const status = (await imagery('local', 'status')) as LocalCloudStatus
    print('calls at the model at once, at most so far', status.gemini?.most_at_once ?? 0)
  }
}

/** CPU seconds so far: of the whole machine, and of the local cloud, its services and ended commands. */
function processorUse(cloud: number): { machine: number; own: number } | undefined {
  if (!canMeasureProcesses) return undefined
  const programs = [cloud, ...findChildren(cloud, 'main.js'), ...findChildren(cloud, 'populate.js')]
  const own = programs.reduce((sum, id) => sum + processorSeconds(id), endedChildrenSeconds())
  return { machine: machineSeconds(), own }
}

/** From the start of the first attempt to the end of the last. */
async function workSeconds(table: string): Promise<number> {
  const [projectId = ''] = table.split('.')
  const sql = `SELECT MIN(UNIX_MILLIS(TIMESTAMP_SUB(finished_at, INTERVAL latency_ms MILLISECOND))) AS first, MAX(UNIX_MILLIS(finished_at)) AS last FROM \`${table}\` WHERE status != 'setup'`
  const [row] = await queryRows<{ first: number; last: number }>(sql, { projectId, location: 'US' })
  return ((row?.last ?? 0) - (row?.first ?? 0)) / 1_000
}

async function imagery(...commandLine: string[]): Promise<unknown> {
  const child = spawn(process.execPath, [IMAGERY, ...commandLine, '--data-dir', dataDirectory, '--json'], {
    env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder, XDG_CACHE_HOME: folder },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  const output = Buffer.concat(chunks).toString('utf8')
  if (code !== 0) throw new Error(`imagery ${commandLine.join(' ')} exited with ${code}: ${output}`)
  return output === '' ? undefined : JSON.parse(output)
}

function print(name: string, value: number): void {
  console.log(`${name}: ${value.toFixed(2)}`)
}
