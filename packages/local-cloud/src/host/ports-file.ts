import { readFileSync } from 'node:fs'
import path from 'node:path'
import * as z from 'zod'
import { writeFileAtomically } from '../kernel/atomic-file.ts'

const port = z.int().min(1).max(65_535)
const portsSchema = z.object({ http: port, grpc: port })

function portsFile(dataDir: string): string {
  return path.join(dataDir, 'ports.json')
}

/** Returns the ports of the last start; none when there was none or the file is not usable. */
export function readPorts(dataDir: string): { http?: number; grpc?: number } {
  try {
    return portsSchema.parse(JSON.parse(readFileSync(portsFile(dataDir), 'utf8')))
  } catch {
    // For convenience only: free ports work too.
    return {}
  }
}

export function writePorts(dataDir: string, ports: { http: number; grpc: number }): void {
  writeFileAtomically(portsFile(dataDir), JSON.stringify(ports))
}
