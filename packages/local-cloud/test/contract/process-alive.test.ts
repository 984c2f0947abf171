import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { isAlive } from '../../src/contract/process-alive.ts'

test('a process is alive until it has ended', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' })
  expect(isAlive(child.pid!)).toBe(true)
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(isAlive(child.pid!)).toBe(false)
})

test.skipIf(!existsSync('/proc/self/stat'))(
  'a process that has ended is not alive, even if its parent never waits for it',
  async () => {
    // The shell becomes a program that does not know the child started by the shell.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'] })
    onTestFinished(() => void parent.kill('SIGKILL'))
    const [line] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(line.toString())
    while (isAlive(pid)) await pause(5)
    expect(() => process.kill(pid, 0)).not.toThrow()
  },
)
