import { describe, expect, it } from 'vitest'
import { steadyClock } from '../../src/kernel/steady-clock.ts'

describe("the local cloud's clock", () => {
  const sources = { wallMs: 1_000_000, steadyMs: 5 }
  const read = { wall: () => sources.wallMs, steady: () => sources.steadyMs }
  const pass = (wallMs: number, steadyMs: number): void => {
    sources.wallMs += wallMs
    sources.steadyMs += steadyMs
  }

  it("keeps its pace when the machine's clock is set back, and follows when it is set forward", () => {
    const clock = steadyClock(0, read)
    expect(clock.now()).toBe(1_000_000)
    pass(-3_600_000, 10)
    expect(clock.now()).toBe(1_000_010)
    pass(10, 10)
    expect(clock.now()).toBe(1_000_020)
    pass(7_200_000, 10)
    expect(clock.now()).toBe(sources.wallMs)
  })

  it("starts where the last one ended if the machine's clock was set back in between", () => {
    const before = sources.wallMs
    pass(-3_600_000, 0)
    expect(steadyClock(before, read).now()).toBe(before)
  })
})
