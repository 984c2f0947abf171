/**
 * The benches: `node bench/run.ts [NAME] [FLAGS]`, all of them without a name. They run what
 * `npm run build` built, print tables with ratios measured in one run, and judge nothing.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const BENCHES = {
  pipeline: { file: 'pipeline.ts', about: 'the whole local pipeline, in ratio to the simple algorithm' },
  populate: { file: 'populate.ts', about: 'creating tasks at 20 ms a call, in ratio to one by one; memory' },
  'cold-start': {
    file: 'cold-start.ts',
    about: 'from the spawn of a service to its first answer, in ratio to an idle Node',
  },
  overhead: { file: 'overhead.ts', about: 'a Gemini run against the time that its model alone would take' },
  'local-cloud': { file: 'cloud-tasks.ts', about: 'what the local Cloud Tasks can do' },
} as const

const [name, ...flags] = process.argv.slice(2)
const chosen = Object.entries(BENCHES).filter(([known]) => name === undefined || known === name)
if (chosen.length === 0) {
  const list = Object.entries(BENCHES).map(([known, { about }]) => `  ${known.padEnd(12)} ${about}`)
  console.error(`There is no bench ${name}. There are:\n${list.join('\n')}`)
  process.exit(2)
}
for (const [known, { file, about }] of chosen) {
  console.log(`\n${known}: ${about}`)
  // A process each: gRPC reads its root certificates, and the clients their endpoint, once.
  const bench = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), ...flags], { stdio: 'inherit' })
  const [code] = (await once(bench, 'exit')) as [number | null]
  if (code !== 0) process.exit(code ?? 1)
}
