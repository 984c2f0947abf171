import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { guardOptions } from '../../src/apis/cloud-run/guard.ts'
import { eventually, removeDirectory, startHarness, temporaryDirectory } from './cloud-run-fixture.ts'

vi.setConfig({ testTimeout: 30_000 })

const directory = temporaryDirectory()
afterEach(() => removeDirectory(directory))

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })

test('no service process outlives a local cloud killed with SIGKILL', async () => {
  const script = path.join(import.meta.dirname, 'local-cloud-process-fixture.ts')
  const cloud = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [output] = (await once(cloud.stdout, 'data')) as [Buffer]
  const { port } = JSON.parse(output.toString()) as { port: number }
  expect(await answers(port)).toBe(true)
  cloud.kill('SIGKILL')
  await once(cloud, 'exit')
  await eventually('the process is gone', async () => !(await answers(port)))
  // The next local cloud takes over the state of the dead one.
  const next = await startHarness({ directory })
  expect((await next.call('echo')).status).toBe(200)
  await next.stop()
})

test("the guard does not touch a program's workers and child processes", async () => {
  const program = `
    import { fork } from 'node:child_process'
    import { Worker } from 'node:worker_threads'
    if (process.send) process.send('child')
    else {
      const worker = new Worker('require("node:worker_threads").parentPort.postMessage("worker")', { eval: true })
      worker.once('message', (fromWorker) => {
        fork(process.argv[1]).once('message', (fromChild) => console.log(fromWorker, fromChild))
      })
    }
  `
  const file = path.join(temporaryDirectory(), 'program.mjs')
  writeFileSync(file, program)
  const guarded = spawn(process.execPath, [...guardOptions(), file], { stdio: ['ignore', 'pipe', 'inherit', 'pipe'] })
  const output = await new Promise<Buffer>((resolve) => guarded.stdout?.once('data', resolve))
  expect(output.toString()).toBe('worker child\n')
  guarded.kill()
  removeDirectory(path.dirname(file))
})
