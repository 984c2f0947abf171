import { createServer } from 'node:net'

/** The port that somebody asked for by number cannot be had. */
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
  /** This one or none. */
  required?: number | undefined
  /** This one when it is free. */
  preferred?: number | undefined
}

/** Starts a listener on the port that is wished for, else on a free one. Rejects with PortTaken. */
export async function listenOn<Server>(wish: PortWish, listen: (port: number) => Promise<Server>): Promise<Server> {
  const { required, preferred } = wish
  if (required !== undefined && required !== 0) {
    return listen(required).catch((error: unknown) => Promise.reject(new PortTaken(required, error)))
  }
  // Whatever keeps the remembered port from us, a free one will do.
  if (required === undefined && preferred !== undefined) return listen(preferred).catch(() => listen(0))
  return listen(0)
}

/** Rejects when nothing can listen on the port; for listeners that report it badly themselves. */
export function probePort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()))
  })
}
