import { createServer } from 'node:net'

/** The requested port is not available. */
export class PortTaken extends Error {
  override readonly name = 'PortTaken'
  readonly port: number

  constructor(port: number, cause: unknown) {
    super(`port ${port} on 127.0.0.1 cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
    this.port = port
  }
}

export interface PortWish {
  /** Use this port or fail. */
  required?: number | undefined
  /** Use this port if it is free. */
  preferred?: number | undefined
}

/** Starts a listener on the preferred port, otherwise on a free one. Rejects with PortTaken. */
export async function listenOn<Server>(wish: PortWish, listen: (port: number) => Promise<Server>): Promise<Server> {
  const { required, preferred } = wish
  if (required !== undefined && required !== 0) {
    return listen(required).catch((error: unknown) => Promise.reject(new PortTaken(required, error)))
  }
  // If the remembered port is not available for any reason, a free one works.
  if (required === undefined && preferred !== undefined) return listen(preferred).catch(() => listen(0))
  return listen(0)
}

/** Rejects when the port is not available; for listeners with poor error messages. */
export function probePort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()))
  })
}
