import { readFileSync } from 'node:fs'
import path from 'node:path'
import { z } from 'zod'
import { writeFileAtomically } from '../kernel/atomic-file.ts'

const port = z.int().min(1).max(65_535)
const portsSchema = z.object({ http: port, grpc: port })

function portsFile(dataDir: string): string {
  return path.join(dataDir, 'ports.json')
}

/** The ports of the last time; none when there was no last time or the file is of no use. */
export function readPorts(dataDir: string): { http?: number; grpc?: number } {
  try {
    return portsSchema.parse(JSON.parse(readFileSync(portsFile(dataDir), 'utf8')))
  } catch {
    // Only a convenience: with free ports, everything works as well.
    return {}
  }
}

export function writePorts(dataDir: string, ports: { http: number; grpc: number }): void {
  writeFileAtomically(portsFile(dataDir), JSON.stringify(ports))
}
