import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import os from 'node:os'
import path from 'node:path'

/** The port of the newest process of a service in the local Cloud Run, from the service's log. */
export function servicePort(dataDirectory: string, service: string): number {
  const log = readFileSync(path.join(dataDirectory, 'run', 'logs', `${service}.log`), 'utf8')
  const ports = [...log.matchAll(/listening on port (\d+)/g)].map(([, port]) => Number(port))
  const newest = ports.at(-1)
  if (newest === undefined) throw new Error(`no process of ${service} has said where it listens`)
  return newest
}

/** The addresses by which other machines reach this one. */
export function outerAddresses(): string[] {
  return Object.values(os.networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, scopeid = 0 }) => !internal && scopeid === 0)
    .map(({ address }) => address)
}

/** Whether anything accepts connections there. */
export function takesConnections(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** The addresses on which this port is open, as Linux's kernel lists them (`0100007F` is 127.0.0.1). */
export function listeningAddresses(port: number): string[] {
  const end = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  return ['/proc/net/tcp', '/proc/net/tcp6']
    .flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(1))
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local, , state]) => local?.endsWith(end) && state === '0A')
    .map(([, local = '']) => local.slice(0, -end.length))
}
