import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { writeSourceHashes } from '../src/services/deploy/source-hashes.ts'
import { buildRuntime } from './runtime-bundle.ts'

// node scripts/runtime.ts: the runtime's files, as the Dockerfile copies them and the local cloud starts them.
const root = fileURLToPath(new URL('..', import.meta.url))
const target = path.join(root, 'dist', 'runtime')
const { files } = await buildRuntime({ root, target })
await writeSourceHashes(target)
const bytes = files.reduce((sum, file) => sum + file.bytes, 0)
process.stdout.write(
  `${path.relative(root, target)}: ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB without source maps\n`,
)
