/**
 * The whole local pipeline over generated assets, each with one tiny image, relative to the simple
 * algorithm of `bench/baseline`, on one local cloud: `node bench/pipeline.ts [--assets N]
 * [--baseline-assets N] [--runs N] [--added-latency MS]`.
 */
import { parseArgs } from 'node:util'
import type { RunReport } from '../src/contracts/run-report.ts'
import { adminCall } from '../src/services/local/cloud.ts'
import { processingSeconds, runBaseline } from './baseline/pipeline.ts'
import { startLocalImagery, type LocalImagery } from './local-imagery.ts'
import { runtimeAccount } from '../src/contracts/names.ts'
import { loadObservations, uploadImages } from './observations.ts'
import { closeClients, officialClients, type OfficialClients } from './official-clients.ts'
import { canMeasureProcesses, endedChildrenSeconds, findChildren, processorSeconds } from './processes.ts'
import { median, printTable } from './table.ts'

interface Measured {
  seconds: number
  processingSeconds: number
  /** Calls of Google's APIs, per asset. */
  calls: number
  /** CPU milliseconds per asset, by process. */
  processor: Record<string, number>
}

const { values } = parseArgs({
  options: {
    assets: { type: 'string', default: '2000' },
    'baseline-assets': { type: 'string' },
    runs: { type: 'string', default: '3' },
    'added-latency': { type: 'string', default: '0' },
  },
})
const assets = Number(values.assets)
/** A smaller number keeps the benchmark short; the rate hardly depends on it once the programs are warm. */
const baselineAssets = Math.min(assets, Number(values['baseline-assets'] ?? 500))
const runs = Number(values.runs)

const local = await startLocalImagery(['--added-latency', values['added-latency']])
try {
  await bench(local)
} finally {
  await local.stop()
}

async function bench(local: LocalImagery): Promise<void> {
  const clients = await officialClients(local.locator.projectId)
  const table = await loadObservations(clients, local.folder, assets)
  const { imageBytes } = await uploadImages(clients, assets, runtimeAccount(local.locator))
  console.log(`${assets.toLocaleString('en')} assets, one image of ${imageBytes} bytes each`)

  const measured: Measured[] = []
  for (let index = 0; index < runs; index++) measured.push(await measureRun(local, clients, table))
  const callsBefore = await apiCalls(local)
  const processorBefore = processorTimes(local.locator.pid)
  const baseline = await runBaseline(local, clients, table, baselineAssets)
  const baselineCalls = ((await apiCalls(local)) - callsBefore) / baselineAssets
  const baselineProcessor = processorPerAsset(processorBefore, processorTimes(local.locator.pid), baselineAssets)
  await closeClients(clients)

  printTable(
    'imagery run --local --profile resolution (the first run loads image decoder and clients)',
    measured.map(({ seconds, processingSeconds, processor }, index) => ({
      run: String(index + 1),
      'command s': seconds,
      'processing s': processingSeconds,
      'assets/s, command': assets / seconds,
      'assets/s, processing': assets / processingSeconds,
      ...Object.fromEntries(
        Object.entries(processor).map(([name, milliseconds]) => [`CPU ms/asset, ${name}`, milliseconds]),
      ),
    })),
  )
  const ours = {
    seconds: median(measured.map(({ seconds }) => seconds)) / assets,
    processing: median(measured.map(({ processingSeconds }) => processingSeconds)) / assets,
    calls: median(measured.map(({ calls }) => calls)),
    processor: median(measured.map(({ processor }) => sum(processor))),
  }
  const theirs = { seconds: baseline.seconds / baselineAssets, processing: baseline.processingSeconds / baselineAssets }
  printTable(
    `imagery, median of ${runs}, and the baseline, measured on ${baselineAssets.toLocaleString('en')} assets`,
    [
      {
        figure: 'assets/s, whole command',
        imagery: 1 / ours.seconds,
        baseline: 1 / theirs.seconds,
        ratio: theirs.seconds / ours.seconds,
      },
      {
        figure: 'assets/s, processing',
        imagery: 1 / ours.processing,
        baseline: 1 / theirs.processing,
        ratio: theirs.processing / ours.processing,
      },
      ...(canMeasureProcesses
        ? [
            {
              figure: 'CPU ms per asset, all processes',
              imagery: ours.processor,
              baseline: sum(baselineProcessor),
              ratio: sum(baselineProcessor) / ours.processor,
            },
          ]
        : []),
      {
        figure: 'API calls per asset',
        imagery: ours.calls,
        baseline: baselineCalls,
        ratio: baselineCalls / ours.calls,
      },
    ],
  )
}

async function measureRun(local: LocalImagery, { bigQuery }: OfficialClients, table: string): Promise<Measured> {
  const { locator, imagery } = local
  const callsBefore = await apiCalls(local)
  const before = processorTimes(locator.pid)
  const { result, seconds } = await imagery('run', '--table', table, '--profile', 'resolution')
  const after = processorTimes(locator.pid)
  const calls = ((await apiCalls(local)) - callsBefore) / assets
  const report = result as RunReport
  if (report.units.ok !== assets) throw new Error(`${report.units.ok} of ${assets} assets are ok`)
  return {
    seconds,
    calls,
    processingSeconds: await processingSeconds(bigQuery, report.attempts_table),
    processor: processorPerAsset(before, after, assets),
  }
}

function processorPerAsset(
  before: Record<string, number>,
  after: Record<string, number>,
  count: number,
): Record<string, number> {
  const milliseconds = (name: string, total: number): number => ((total - (before[name] ?? 0)) * 1_000) / count
  return Object.fromEntries(Object.entries(after).map(([name, total]) => [name, milliseconds(name, total)]))
}

function sum(figures: Record<string, number>): number {
  return Object.values(figures).reduce((total, figure) => total + figure, 0)
}

/** Calls of Google's APIs that the local cloud has answered so far. */
async function apiCalls({ locator }: LocalImagery): Promise<number> {
  const { body } = await adminCall(locator, 'GET', '/_imagery/state')
  return Object.values((body as { calls: Record<string, number> }).calls).reduce((sum, count) => sum + count, 0)
}

/** CPU seconds so far of each process that a run uses; empty if the system does not provide them. */
function processorTimes(cloud: number): Record<string, number> {
  if (!canMeasureProcesses) return {}
  const seconds = (program: string): number =>
    findChildren(cloud, program).reduce((sum, id) => sum + processorSeconds(id), 0)
  return {
    cloud: processorSeconds(cloud),
    main: seconds('main.js'),
    populate: seconds('populate.js'),
    command: endedChildrenSeconds(),
  }
}
