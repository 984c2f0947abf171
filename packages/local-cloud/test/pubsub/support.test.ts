import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { ManualClock } from '../../src/kernel/clock.ts'
import { pubSubApi } from '../../src/apis/pubsub/index.ts'
import { SUPPORT } from '../../src/apis/pubsub/support.ts'

const require = createRequire(import.meta.url)
const protos = require('@google-cloud/pubsub/build/protos/protos.json') as {
  nested: { google: { nested: { pubsub: { nested: { v1: { nested: Record<string, { methods?: object }> } } } } } }
}
const services = protos.nested.google.nested.pubsub.nested.v1.nested

test.each(['Publisher', 'Subscriber'])('the support list has every method of %s once', (service) => {
  const listed = SUPPORT.map(({ method }) => method).filter((method) => method.startsWith(`${service}.`))
  const offered = Object.keys(services[service]?.methods ?? {}).map((method) => `${service}.${method}`)
  expect(listed.toSorted()).toEqual(offered.toSorted())
})

test('the support list says no exactly where a handler is missing', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'imagery-pubsub-'))
  const api = await pubSubApi({
    directory,
    clock: new ManualClock(),
    deliver: () => Promise.reject(new Error('unused')),
    access: {
      register: () => undefined,
      held: () => [],
      policiesChanged: () => undefined,
      accountFault: () => undefined,
    },
  })
  const handled = Object.entries(api.grpc?.services ?? {}).flatMap(([service, handlers]) =>
    Object.keys(handlers).map((method) => `${service.replace('google.pubsub.v1.', '')}.${method}`),
  )
  await api.stop()
  rmSync(directory, { recursive: true })
  const promised = SUPPORT.filter(({ method, state }) => method.includes('.') && state !== 'no')
  expect(promised.map(({ method }) => method).toSorted()).toEqual(handled.toSorted())
})
