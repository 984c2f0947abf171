import { spawn } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * Runs npm scripts at the same time, and prints the output of each when it ends: `node scripts/checks.ts lint build`.
 * Names those that failed last, because the output of another one can follow, and ends with the exit code of the first.
 */
const root = fileURLToPath(new URL('..', import.meta.url))

function run(script: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const npm = process.env['npm_execpath']
    const [command, args] = npm === undefined ? ['npm', []] : [process.execPath, [path.resolve(npm)]]
    const child = spawn(command, [...args, 'run', script], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
    const output: Buffer[] = []
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => output.push(chunk))
    child.once('error', reject)
    child.once('close', (code) => {
      process.stdout.write(Buffer.concat(output))
      resolve(code ?? 1)
    })
  })
}

const scripts = process.argv.slice(2)
const codes = await Promise.all(scripts.map(run))
const failed = scripts.filter((_, index) => codes[index] !== 0)
if (failed.length > 0) process.stderr.write(`\nFailed: ${failed.map((script) => `npm run ${script}`).join(', ')}\n`)
process.exitCode = codes.find((code) => code !== 0) ?? 0
