import type { Clock } from '../../kernel/clock.ts'
import type { Binding } from './policy.ts'

/** The change of a resource's policy. */
export interface PolicyChange {
  /** The resource, as the authorizer names it: `projects/P`. */
  resource: string
  before: readonly Binding[]
  after: readonly Binding[]
}

/** Granted roles that have no effect yet, because IAM takes its time to carry a change everywhere. */
export class FreshGrants {
  readonly #clock: Clock
  readonly #delayMs: () => number
  /** When each grant takes effect, in milliseconds since 1970. */
  readonly #effectiveMs = new Map<string, number>()

  constructor(clock: Clock, delayMs: () => number) {
    this.#clock = clock
    this.#delayMs = delayMs
  }

  add({ resource, before, after }: PolicyChange): void {
    const delayMs = this.#delayMs()
    if (delayMs === 0) return
    const had = new Set(before.flatMap(({ role, members }) => members.map((member) => `${role} ${member}`)))
    for (const { role, members } of after) {
      for (const member of members) {
        if (had.has(`${role} ${member}`)) continue
        this.#effectiveMs.set(`${resource} ${role} ${member}`, this.#clock.now() + delayMs)
      }
    }
  }

  isEffective(resource: string, role: string, member: string): boolean {
    return this.#effectiveMs.size === 0 || !this.#effectiveMs.has(`${resource} ${role} ${member}`)
  }

  /** Lets due grants take effect. Returns whether there were any. */
  settle(): boolean {
    if (this.#effectiveMs.size === 0) return false
    const due = [...this.#effectiveMs].filter(([, effectiveMs]) => effectiveMs <= this.#clock.now())
    for (const [grant] of due) this.#effectiveMs.delete(grant)
    return due.length > 0
  }
}
