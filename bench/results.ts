/**
 * Writing a run's results to files: `node bench/results.ts [ROWS] [FORMAT,…]` (default: 1,000,000, all). The command's own peak memory, as the
 * process reports it, must not grow with the rows.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { RUN_LABEL } from '../src/contracts/names.ts'
import { resultColumns } from '../src/contracts/tables.ts'
import type { Column } from '../src/contracts/columns.ts'
import { ensureDataset, updateTable } from '../src/google/bigquery/bigquery.ts'
import { queryIntoTable } from '../src/google/bigquery/jobs.ts'
import { findProfile } from '../src/profiles/built-in-profiles.ts'
import { startLocalImagery } from './local-imagery.ts'
import { printTable } from './table.ts'

const ROWS = Number(process.argv[2] ?? 1_000_000)
const RUN = '261130-0be9c400'
const FORMATS = process.argv[3]?.split(',') ?? ['parquet', 'geoparquet', 'csv', 'jsonl', 'geojson', 'xlsx']

const local = await startLocalImagery()
try {
  await fillTable()
  const hook = path.join(local.folder, 'peak.mjs')
  const peak = path.join(local.folder, 'peak')
  writeFileSync(
    hook,
    `import { writeFileSync } from 'node:fs'\nprocess.on('exit', () => writeFileSync(${JSON.stringify(peak)}, String(process.resourceUsage().maxRSS)))\n`,
  )
  const rows: Record<string, string | number>[] = []
  for (const format of FORMATS) {
    if (format === 'xlsx' && ROWS > 1_048_575) continue
    const file = path.join(local.folder, `results.${format}`)
    const seconds = await write(file, hook)
    rows.push({
      format,
      seconds,
      'rows/s': ROWS / seconds,
      'peak MB': (Number(readFileSync(peak, 'utf8')) * 1_024) / 1e6,
      'file MB': statSync(file).size / 1e6,
    })
  }
  printTable(`imagery results, ${ROWS.toLocaleString('en')} rows`, rows)
} finally {
  await local.stop()
}

/** The results of a run of the built-in profile `utility-pole`, as a teardown leaves them. */
async function fillTable(): Promise<void> {
  const { projectId } = local.locator
  const dataset = 'imagery_results_us'
  await ensureDataset({ projectId, dataset }, { location: 'US', description: '' })
  const profile = findProfile('utility-pole')
  const values = resultColumns(profile).map((column) => `${valueOf(column)} AS ${column.name}`)
  await queryIntoTable(`SELECT ${values.join(', ')} FROM UNNEST(GENERATE_ARRAY(1, ${ROWS})) AS n`, {
    jobId: 'bench_results',
    projectId,
    location: 'US',
    destination: { projectId, dataset, table: 'poles' },
    labels: {},
    clusterBy: ['asset_id'],
  })
  await updateTable({ projectId, dataset, table: 'poles' }, { labels: { [RUN_LABEL]: RUN } })
}

function valueOf({ name, type, mode }: Column): string {
  if (name === 'location') return 'STRUCT(40 + n / 1e6 AS latitude, -105 - n / 1e6 AS longitude)'
  if (name === 'run_id') return `'${RUN}'`
  if (name === 'status') return "'ok'"
  const text = `CONCAT('${name} ', TO_HEX(SHA256(CAST(n AS STRING))))`
  const one = {
    INT64: 'n',
    FLOAT64: 'n / 8',
    BOOL: 'MOD(n, 2) = 0',
    TIMESTAMP: 'TIMESTAMP_MICROS(1790000000000000 + n)',
  }[type as string]
  return mode === 'REPEATED' ? `[${one ?? text}, ${one ?? text}]` : (one ?? text)
}

async function write(file: string, hook: string): Promise<number> {
  const startedMs = performance.now()
  const command = [path.resolve(import.meta.dirname, '../bin/run.js'), 'results', RUN, '--local', '--data-dir']
  const child = spawn(process.execPath, [...command, local.dataDirectory, '-o', file], {
    env: {
      ...process.env,
      HOME: local.folder,
      XDG_CONFIG_HOME: local.folder,
      XDG_DATA_HOME: local.folder,
      NODE_OPTIONS: `--import ${pathToFileURL(hook).href}`,
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`${file}: exit code ${code}`)
  return (performance.now() - startedMs) / 1_000
}
