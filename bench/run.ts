/**
 * The benchmarks: `node bench/run.ts [NAME] [FLAGS]`; without a name, all of them. They run the output
 * of `npm run build`, print tables with ratios measured in one run, and have no pass or fail.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const BENCHES = {
  pipeline: { file: 'pipeline.ts', about: 'the whole local pipeline, relative to the simple algorithm' },
  populate: { file: 'populate.ts', about: 'creating tasks at 20 ms per call, relative to one by one; memory' },
  'cold-start': {
    file: 'cold-start.ts',
    about: 'time from the start of a service to its first response, relative to an idle Node',
  },
  overhead: { file: 'overhead.ts', about: "a Gemini run compared to its model's time alone" },
  pacing: { file: 'pacing.ts', about: 'calls to a model whose hidden limit moves, relative to what the limit allows' },
  photos: { file: 'photos.ts', about: 'a folder of photos, relative to only decoding them' },
  'bytes-read': { file: 'bytes-read.ts', about: 'what BigQuery reads and bills for a round of pending units' },
  realistic: {
    file: 'realistic.ts',
    about: "time and money with a region's latencies, relative to a simple algorithm",
  },
  scale: { file: 'scale.ts', about: 'what limits runs of up to 100 million assets, by a simulation' },
  estimate: { file: 'estimate.ts', about: 'the estimate of a run, relative to recorded usage' },
  results: { file: 'results.ts', about: 'writing a million rows of results to files; memory' },
  view: { file: 'view.ts', about: 'showing, filtering and scrolling many rows in a browser; size of a report' },
  'local-cloud': { file: 'cloud-tasks.ts', about: 'what the local Cloud Tasks can do' },
} as const

const [name, ...flags] = process.argv.slice(2)
const chosen = Object.entries(BENCHES).filter(([known]) => name === undefined || known === name)
if (chosen.length === 0) {
  const list = Object.entries(BENCHES).map(([known, { about }]) => `  ${known.padEnd(12)} ${about}`)
  console.error(`Unknown benchmark "${name}". Benchmarks:\n${list.join('\n')}`)
  process.exit(2)
}
for (const [known, { file, about }] of chosen) {
  console.log(`\n${known}: ${about}`)
  // One process each, because gRPC reads its root certificates, and the clients their endpoint, only
  // once.
  const bench = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...flags], { stdio: 'inherit' })
  const [code] = (await once(bench, 'exit')) as [number | null]
  if (code !== 0) process.exit(code ?? 1)
}
